-- Texts joined over a frame.
SELECT id, service, LISTAGG(severity, '>') OVER (PARTITION BY service ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS path
FROM logs
