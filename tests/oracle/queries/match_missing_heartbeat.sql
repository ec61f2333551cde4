-- Two readings of a device more than ten seconds apart.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES A.ts AS last_beat, B.ts AS back, B.id AS id
  AFTER MATCH SKIP TO LAST B
  PATTERN (A B)
  DEFINE B AS B.ts > A.ts + INTERVAL '10' SECOND
)
