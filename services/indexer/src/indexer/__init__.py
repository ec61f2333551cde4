"""Makes events, windows, alerts, late events and dead letters searchable in OpenSearch."""
