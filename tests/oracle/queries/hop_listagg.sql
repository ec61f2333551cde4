-- Texts joined over overlapping windows.
SELECT window_start, window_end, service, LISTAGG(id, ' ') AS ids
FROM TABLE(HOP(TABLE logs, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
GROUP BY window_start, window_end, service
