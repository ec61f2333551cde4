"""Flink SQL run by Apache Flink and by streaming_sql on the same inputs, and what they agree on."""
