# What a user states beside a profile; made up, for the tests.
name       = "etl-test"
account_id = "123456789012"
region     = "us-east-1"
images     = { repository_prefix = "123456789012.dkr.ecr.us-east-1.amazonaws.com/etl", tag = "1.0.0" }
endpoint   = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555" }
senders    = { web = { tenant = "default", sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" } }
contacts   = { page = ["ops@example.com"] }
