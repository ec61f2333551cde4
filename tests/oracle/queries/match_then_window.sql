-- Windows over matches.
CREATE VIEW outages AS
SELECT service, matched, n FROM logs MATCH_RECOGNIZE (
  PARTITION BY service ORDER BY ts
  MEASURES MATCH_ROWTIME() AS matched, COUNT(E.id) AS n
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (E+ G)
  DEFINE E AS E.status >= 400, G AS G.status < 400
);
SELECT window_start, window_end, service, COUNT(*) AS outages, SUM(n) AS errors
FROM TABLE(TUMBLE(TABLE outages, DESCRIPTOR(matched), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, service
