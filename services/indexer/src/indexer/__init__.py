"""Writes events, windows, alerts and dead letters to OpenSearch."""
