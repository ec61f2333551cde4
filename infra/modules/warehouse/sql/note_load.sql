-- Writes down what became of an hour; what was written of it before is replaced.
CREATE OR REPLACE PROCEDURE etl.note_load(p_table VARCHAR(64), p_hour TIMESTAMP, p_settled BOOLEAN, p_merged BIGINT, p_problem VARCHAR(4096))
AS $$
BEGIN
  DELETE FROM etl.loads WHERE table_name = p_table AND hour = p_hour;
  INSERT INTO etl.loads (table_name, hour, settled, merged, problem, loaded_at)
  VALUES (p_table, p_hour, p_settled, p_merged, p_problem, SYSDATE);
END;
$$ LANGUAGE plpgsql
