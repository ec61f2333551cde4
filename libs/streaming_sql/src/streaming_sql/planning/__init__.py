"""From syntax trees to nodes: each module plans one part of SELECT."""
