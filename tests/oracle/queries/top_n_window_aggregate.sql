-- The two busiest services of each minute.
SELECT window_start, window_end, service, lines, place FROM (
  SELECT window_start, window_end, service, lines,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY lines DESC, service) AS place
  FROM (
    SELECT window_start, window_end, service, COUNT(*) AS lines
    FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, service
  )
) WHERE place <= 2
