"""The etl command: run the local stack, send events, see its state."""
