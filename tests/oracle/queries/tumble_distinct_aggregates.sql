-- DISTINCT in several aggregates at once.
SELECT window_start, window_end, COUNT(DISTINCT kind) AS kinds, COUNT(DISTINCT price) AS prices, SUM(DISTINCT quantity) AS quantities,
  AVG(DISTINCT quantity) AS mean, COUNT(DISTINCT origin.country) AS countries
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end
