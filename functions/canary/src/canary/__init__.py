"""Sends one event through the ingest API, as any sender does, and tells CloudWatch how it went."""
