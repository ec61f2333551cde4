-- The five longest requests of each service so far, without their places.
SELECT service, id, took FROM (
  SELECT service, id, took, ROW_NUMBER() OVER (PARTITION BY service ORDER BY took DESC, id) AS n
  FROM logs
) WHERE n <= 5
