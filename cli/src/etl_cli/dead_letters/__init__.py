"""`etl dead-letters`: what was set aside, and putting it back once its cause is mended."""
