-- What is joined and seen last in sessions; merging keeps arrival order.
SELECT window_start, window_end, service, LISTAGG(id, ',') AS ids, FIRST_VALUE(status) AS f, LAST_VALUE(status) AS l
FROM TABLE(SESSION(TABLE logs PARTITION BY service, DESCRIPTOR(ts), INTERVAL '5' SECOND))
GROUP BY window_start, window_end, service
