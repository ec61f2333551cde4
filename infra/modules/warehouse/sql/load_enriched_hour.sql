-- Loads one hour of events. Loading an hour again changes nothing: an event is known by its tenant and id.
-- COPY of Parquet goes by the order of the columns, which is that of the Glue table.
CREATE OR REPLACE PROCEDURE etl.load_enriched_hour(p_hour TIMESTAMP, p_settled BOOLEAN) NONATOMIC
AS $$
DECLARE
  v_merged BIGINT;
BEGIN
  CREATE TEMP TABLE IF NOT EXISTS enriched_copied (
    id VARCHAR(65535), source VARCHAR(65535), type VARCHAR(65535), "key" VARCHAR(65535), "time" BIGINT, received BIGINT,
    tenant VARCHAR(65535), "schema" VARCHAR(65535), trace VARCHAR(65535), payload VARCHAR(65535), enrichment VARCHAR(65535)
  );
  CREATE TEMP TABLE IF NOT EXISTS enriched_merged (LIKE etl.events);
  DELETE FROM enriched_copied;
  DELETE FROM enriched_merged;

  EXECUTE 'COPY enriched_copied FROM ' || quote_literal('${source}' || TO_CHAR(p_hour, 'YYYY/MM/DD/HH24') || '/')
    || ' IAM_ROLE ' || quote_literal('${role_arn}') || ' FORMAT AS PARQUET';

  INSERT INTO enriched_merged
  SELECT tenant, id, source, type, "key",
    TIMESTAMP 'epoch' + "time" * INTERVAL '0.001 second', TIMESTAMP 'epoch' + received * INTERVAL '0.001 second',
    "schema", trace,
    CASE WHEN CAN_JSON_PARSE(payload) THEN JSON_PARSE(payload) END,
    CASE WHEN CAN_JSON_PARSE(enrichment) THEN JSON_PARSE(enrichment) END
  FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY tenant, id ORDER BY received) AS occurrence FROM enriched_copied) AS numbered
  WHERE occurrence = 1;

  MERGE INTO etl.events USING enriched_merged AS fresh ON etl.events.tenant = fresh.tenant AND etl.events.id = fresh.id
  WHEN MATCHED THEN UPDATE SET received = fresh.received, payload = fresh.payload, enrichment = fresh.enrichment
  WHEN NOT MATCHED THEN INSERT (tenant, id, source, type, "key", event_time, received, schema_id, trace, payload, enrichment)
    VALUES (fresh.tenant, fresh.id, fresh.source, fresh.type, fresh."key", fresh.event_time, fresh.received, fresh.schema_id, fresh.trace,
      fresh.payload, fresh.enrichment);

  SELECT COUNT(*) INTO v_merged FROM enriched_merged;
  CALL etl.note_load('enriched', p_hour, p_settled, v_merged, NULL);
EXCEPTION WHEN OTHERS THEN
  -- An hour in which nothing came has no folder.
  IF SQLERRM ILIKE '%s3 prefix%does not exist%' THEN
    CALL etl.note_load('enriched', p_hour, p_settled, 0, NULL);
  ELSE
    CALL etl.note_load('enriched', p_hour, FALSE, 0, LEFT(SQLERRM, 4096));
  END IF;
END;
$$ LANGUAGE plpgsql
