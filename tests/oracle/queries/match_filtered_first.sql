-- A pattern over what a filter leaves: two declined payments of a card within a minute.
CREATE VIEW declined AS SELECT card, id, ts FROM payments WHERE NOT approved;
SELECT * FROM declined MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES FIRST(D.id) AS first_id, LAST(D.id) AS last_id
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (D{2}) WITHIN INTERVAL '1' MINUTE
  DEFINE D AS TRUE
)
