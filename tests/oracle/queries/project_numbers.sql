-- Arithmetic of every numeric type, at its edges.
SELECT id, level + 1 AS up, level * 3 AS tripled, small + small AS twice, temperature / 3 AS third,
  battery * 100 AS hundredths, battery / 3 AS battery_third, MOD(level, 7) AS remainder, -small AS negated,
  ABS(level) AS magnitude, extreme * 2 AS doubled
FROM readings
