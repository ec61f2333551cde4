"""Streaming SQL compiled to incremental event-time windows."""
