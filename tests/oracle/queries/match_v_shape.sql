-- A price that falls and rises again.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES A.id AS before, LAST(D.id) AS lowest, LAST(U.id) AS after, COUNT(D.id) AS downs
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A D+ U+ X)
  DEFINE D AS (LAST(D.temperature, 1) IS NULL AND D.temperature < A.temperature) OR D.temperature < LAST(D.temperature, 1),
    U AS U.temperature > LAST(D.temperature, 1) OR U.temperature > LAST(U.temperature, 1), X AS TRUE
)
