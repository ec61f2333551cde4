"""`etl sql`: run, check, explain and compare streaming SQL, and look at the windows of a running aggregator."""
