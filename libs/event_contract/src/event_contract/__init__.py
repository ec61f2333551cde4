"""The event and every wire format that is normalised to it."""
