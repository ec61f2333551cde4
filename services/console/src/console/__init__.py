"""A live page of the whole pipeline."""
