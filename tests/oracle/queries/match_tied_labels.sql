-- Rows that several variables could take: which of them does, Flink's queue of attempts decides.
SELECT * FROM logs MATCH_RECOGNIZE (
  PARTITION BY service ORDER BY ts, id
  MEASURES A.id AS a, COUNT(B.id) AS many_b, COUNT(C.id) AS many_c, COUNT(D.id) AS many_d, E.id AS e
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B*? C*? D{0,2}? E)
  DEFINE B AS B.took > 10, C AS C.took > 20, D AS D.status >= 200, E AS E.status >= 500
)
