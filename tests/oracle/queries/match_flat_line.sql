-- A door that keeps its state for three readings or more, told by the reading that ends it.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES FIRST(S.id) AS first_id, COUNT(S.id) AS seen, LAST(S.door) AS state, O.id AS other
  ONE ROW PER MATCH AFTER MATCH SKIP TO LAST O
  PATTERN (S{3,} O)
  DEFINE S AS LAST(S.door, 1) IS NULL OR S.door = LAST(S.door, 1), O AS O.door <> LAST(S.door)
)
