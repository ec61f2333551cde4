"""One stream, or many in one group."""
