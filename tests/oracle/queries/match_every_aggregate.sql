-- Every aggregate that a match may use, over one variable and over all.
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts, id
  MEASURES COUNT(*) AS n, COUNT(A.country) AS countries, SUM(A.amount) AS total, AVG(A.amount) AS mean,
    MIN(amount) AS least, MAX(A.id) AS last_name, AVG(A.latitude) AS lat, SUM(longitude) AS lon, LISTAGG(A.country) AS listed,
    FIRST_VALUE(A.currency) AS first_currency, LAST_VALUE(currency) AS last_currency,
    SUM(C.amount) AS nothing, COUNT(C.id) AS none_c
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A{2,} C{0,2}? B)
  DEFINE A AS COUNT(*) < 6 AND SUM(A.latitude) > -200, B AS B.amount > AVG(A.amount) AND MAX(A.amount) > 100
)
