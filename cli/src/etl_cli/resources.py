"""What the pipeline needs in AWS, for a local stack. On AWS, Terraform makes the same."""

ARCHIVE_BUCKET = "etl-archive"
STATE_BUCKET = "etl-state"
