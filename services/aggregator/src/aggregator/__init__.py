"""Runs streaming SQL over enriched events and emits windows and alerts."""
