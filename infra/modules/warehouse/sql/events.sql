CREATE TABLE IF NOT EXISTS etl.events (
  tenant VARCHAR(2048) NOT NULL,
  id VARCHAR(2048) NOT NULL,
  source VARCHAR(2048),
  type VARCHAR(256),
  "key" VARCHAR(1024),
  event_time TIMESTAMP,
  received TIMESTAMP,
  schema_id VARCHAR(2048),
  trace VARCHAR(2048),
  payload SUPER,
  enrichment SUPER
) DISTSTYLE AUTO SORTKEY (event_time)
