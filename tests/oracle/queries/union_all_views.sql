-- Two parts of one table, put together again.
-- inputs: dense, gaps, calendar, empty
CREATE VIEW both_kinds AS
SELECT id, user_id, ts, 'seen' AS what FROM clicks WHERE kind = 'view'
UNION ALL
SELECT id, user_id, ts, 'done' AS what FROM clicks WHERE kind <> 'view';
SELECT id, user_id, what FROM both_kinds
