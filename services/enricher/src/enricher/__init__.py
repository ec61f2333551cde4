"""Enriches raw events: geography, device, reference data, masking."""
