-- Gives the schedule's role in the database what loading takes. Calling it again changes nothing.
CREATE OR REPLACE PROCEDURE etl.grant_loader()
AS $$
DECLARE
  v_found BIGINT;
BEGIN
  SELECT COUNT(*) INTO v_found FROM svv_roles WHERE role_name = '${database_role}';
  IF v_found = 0 THEN
    EXECUTE 'CREATE ROLE ${database_role}';
  END IF;
  EXECUTE 'GRANT USAGE ON SCHEMA etl TO ROLE ${database_role}';
  EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA etl TO ROLE ${database_role}';
  EXECUTE 'GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA etl TO ROLE ${database_role}';
END;
$$ LANGUAGE plpgsql
