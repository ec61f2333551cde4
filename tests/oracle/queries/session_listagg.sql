-- Texts joined in sessions; merging keeps arrival order.
SELECT window_start, window_end, service, LISTAGG(id, ',') AS ids, COUNT(*) AS n
FROM TABLE(SESSION(TABLE logs PARTITION BY service, DESCRIPTOR(ts), INTERVAL '5' SECOND))
GROUP BY window_start, window_end, service
