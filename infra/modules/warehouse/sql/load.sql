-- Loads, of every table, each hour that is not settled yet: from the first that failed or the first after the last one, to
-- the hour of the call. The first call begins a day before. Fails, once all is done, where an hour could not be loaded.
CREATE OR REPLACE PROCEDURE etl.load(p_scheduled VARCHAR(64)) NONATOMIC
AS $$
DECLARE
  v_now TIMESTAMP;
  v_hour TIMESTAMP;
  v_done BIGINT;
  v_failed BIGINT;
BEGIN
  v_now := CAST(p_scheduled AS TIMESTAMPTZ) AT TIME ZONE 'UTC';
%{ for table in tables ~}
  SELECT INTO v_hour COALESCE(
    MIN(CASE WHEN settled THEN NULL ELSE hour END), MAX(hour) + INTERVAL '1 hour', DATE_TRUNC('hour', v_now) - INTERVAL '24 hours'
  ) FROM etl.loads WHERE table_name = '${table}';
  WHILE v_hour <= v_now LOOP
    SELECT COUNT(*) INTO v_done FROM etl.loads WHERE table_name = '${table}' AND hour = v_hour AND settled;
    IF v_done = 0 THEN
      CALL etl.load_${table}_hour(v_hour, v_hour + INTERVAL '${60 + settle_minutes} minutes' <= v_now);
    END IF;
    v_hour := v_hour + INTERVAL '1 hour';
  END LOOP;
%{ endfor ~}
  SELECT COUNT(*) INTO v_failed FROM etl.loads WHERE problem IS NOT NULL;
  IF v_failed > 0 THEN
    RAISE EXCEPTION 'some hours could not be loaded, and will be tried again: see problem in etl.loads';
  END IF;
END;
$$ LANGUAGE plpgsql
