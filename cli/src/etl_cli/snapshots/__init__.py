"""Snapshots of the pipeline's indices in OpenSearch, and the way back from them."""
