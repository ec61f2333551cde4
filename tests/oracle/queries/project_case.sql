-- CASE in both forms, nested.
SELECT id, CASE severity WHEN 'ERROR' THEN 3 WHEN 'WARN' THEN 2 WHEN 'INFO' THEN 1 END AS rank_of,
  CASE WHEN status >= 500 THEN 'server' WHEN status >= 400 THEN CASE WHEN took > 400 THEN 'slow client' ELSE 'client' END
    ELSE 'fine' END AS verdict,
  NULLIF(service, 'api') AS other_service, IF(took > 500, 'slow', 'quick') AS speed
FROM logs
