-- Text functions over letters beyond ASCII, empty text and NULL.
SELECT id, CHAR_LENGTH(message) AS length_of, SUBSTRING(message FROM 2 FOR 5) AS part, POSITION('took' IN message) AS place,
  REPLACE(message, 'e', '3') AS replaced, TRIM(BOTH 'G' FROM message) AS trimmed, LOWER(severity) AS low,
  REGEXP_EXTRACT(message, 'took=(\d+)ms', 1) AS took_text, SPLIT_INDEX(message, ' ', 1) AS word,
  LPAD(service, 6, '.') AS padded, CONCAT_WS('/', service, severity, CAST(status AS STRING)) AS path
FROM logs
