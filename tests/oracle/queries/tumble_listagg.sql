-- Texts joined in arrival order.
SELECT window_start, window_end, service, LISTAGG(severity) AS severities, LISTAGG(CAST(status AS STRING), '|') AS statuses
FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '20' SECOND))
GROUP BY window_start, window_end, service
