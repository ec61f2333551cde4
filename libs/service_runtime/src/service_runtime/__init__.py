"""What every service shares: settings, JSON logs, signals and drain, probes and metrics."""
