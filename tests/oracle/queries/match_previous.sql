-- Values of the row before by PREV.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES A.id AS a, LAST(B.id) AS b, LAST(B.level) AS level
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B+ C)
  DEFINE B AS B.level > PREV(B.level), C AS C.level < PREV(C.level)
)
