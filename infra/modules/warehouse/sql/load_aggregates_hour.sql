-- Loads one hour of windows and alerts. A row that comes again has the same id; the greatest (epoch, revision) stays, so
-- that loading an hour again, or a later one first, gives the same rows.
-- COPY of Parquet goes by the order of the columns, which is that of the Glue table.
CREATE OR REPLACE PROCEDURE etl.load_aggregates_hour(p_hour TIMESTAMP, p_settled BOOLEAN) NONATOMIC
AS $$
DECLARE
  v_merged BIGINT;
BEGIN
  CREATE TEMP TABLE IF NOT EXISTS aggregates_copied (
    id VARCHAR(65535), query VARCHAR(65535), rule VARCHAR(65535), severity VARCHAR(65535), status VARCHAR(65535),
    window_start BIGINT, window_end BIGINT, "time" BIGINT, opened BIGINT, "last" BIGINT, resolved BIGINT, "count" BIGINT,
    link VARCHAR(65535), "key" VARCHAR(65535), "values" VARCHAR(65535), "current" BOOLEAN, deleted BOOLEAN,
    epoch BIGINT, revision BIGINT, emitted BIGINT
  );
  CREATE TEMP TABLE IF NOT EXISTS aggregates_merged (LIKE etl.aggregates);
  DELETE FROM aggregates_copied;
  DELETE FROM aggregates_merged;

  EXECUTE 'COPY aggregates_copied FROM ' || quote_literal('${source}' || TO_CHAR(p_hour, 'YYYY/MM/DD/HH24') || '/')
    || ' IAM_ROLE ' || quote_literal('${role_arn}') || ' FORMAT AS PARQUET';

  INSERT INTO aggregates_merged
  SELECT id, query, rule, severity, status,
    TIMESTAMP 'epoch' + window_start * INTERVAL '0.001 second', TIMESTAMP 'epoch' + window_end * INTERVAL '0.001 second',
    TIMESTAMP 'epoch' + "time" * INTERVAL '0.001 second', TIMESTAMP 'epoch' + opened * INTERVAL '0.001 second',
    TIMESTAMP 'epoch' + "last" * INTERVAL '0.001 second', TIMESTAMP 'epoch' + resolved * INTERVAL '0.001 second',
    "count", link,
    CASE WHEN CAN_JSON_PARSE("key") THEN JSON_PARSE("key") END,
    CASE WHEN CAN_JSON_PARSE("values") THEN JSON_PARSE("values") END,
    COALESCE("current", FALSE), COALESCE(deleted, FALSE), epoch, revision,
    TIMESTAMP 'epoch' + emitted * INTERVAL '0.001 second'
  FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY epoch DESC, revision DESC) AS occurrence FROM aggregates_copied
  ) AS numbered
  WHERE occurrence = 1;

  DELETE FROM aggregates_merged USING etl.aggregates
  WHERE aggregates_merged.id = etl.aggregates.id AND (
    etl.aggregates.epoch > aggregates_merged.epoch
    OR (etl.aggregates.epoch = aggregates_merged.epoch AND etl.aggregates.revision >= aggregates_merged.revision)
  );

  MERGE INTO etl.aggregates USING aggregates_merged AS fresh ON etl.aggregates.id = fresh.id
  WHEN MATCHED THEN UPDATE SET query = fresh.query, rule = fresh.rule, severity = fresh.severity, status = fresh.status,
    window_start = fresh.window_start, window_end = fresh.window_end, row_time = fresh.row_time, opened = fresh.opened,
    last_seen = fresh.last_seen, resolved = fresh.resolved, seen = fresh.seen, link = fresh.link, group_key = fresh.group_key,
    group_values = fresh.group_values, is_current = fresh.is_current, is_deleted = fresh.is_deleted, epoch = fresh.epoch,
    revision = fresh.revision, emitted = fresh.emitted
  WHEN NOT MATCHED THEN INSERT (id, query, rule, severity, status, window_start, window_end, row_time, opened, last_seen,
      resolved, seen, link, group_key, group_values, is_current, is_deleted, epoch, revision, emitted)
    VALUES (fresh.id, fresh.query, fresh.rule, fresh.severity, fresh.status, fresh.window_start, fresh.window_end, fresh.row_time, fresh.opened,
      fresh.last_seen, fresh.resolved, fresh.seen, fresh.link, fresh.group_key, fresh.group_values, fresh.is_current, fresh.is_deleted,
      fresh.epoch, fresh.revision, fresh.emitted);

  SELECT COUNT(*) INTO v_merged FROM aggregates_merged;
  CALL etl.note_load('aggregates', p_hour, p_settled, v_merged, NULL);
EXCEPTION WHEN OTHERS THEN
  -- An hour in which nothing came has no folder.
  IF SQLERRM ILIKE '%s3 prefix%does not exist%' THEN
    CALL etl.note_load('aggregates', p_hour, p_settled, 0, NULL);
  ELSE
    CALL etl.note_load('aggregates', p_hour, FALSE, 0, LEFT(SQLERRM, 4096));
  END IF;
END;
$$ LANGUAGE plpgsql
