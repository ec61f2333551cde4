"""Wire formats of the AWS streaming services: event-stream frames and KPL aggregation."""
