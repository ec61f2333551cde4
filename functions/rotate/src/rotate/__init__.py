"""Rotates the keys by which senders send to the ingest API, in Secrets Manager's four steps."""
