"""The types of the reference."""

from __future__ import annotations

TYPES = (
    ("BOOLEAN", "TRUE, FALSE", "true, false"),
    ("TINYINT, SMALLINT, INT, BIGINT", "integers of 8, 16, 32 and 64 bits; arithmetic wraps as in Java", "a number"),
    ("DECIMAL(p, s)", "p digits, s of them behind the point, p at most 38; exact", "a number"),
    ("FLOAT, DOUBLE", "32 and 64 bits; always finite: what is not is NULL", "a number"),
    ("CHAR(n), VARCHAR(n), STRING", "text", "a string"),
    ("BYTES", "bytes", "base64 in a string"),
    ("DATE", "a day", "'2026-01-05'"),
    ("TIME", "a time of day, in ms", "'08:00:00'"),
    ("TIMESTAMP(3)", "a date and time without a zone, in ms", "'2026-01-05 08:00:00'"),
    ("TIMESTAMP_LTZ(3)", "a moment, in ms; shown in UTC", "'2026-01-05 08:00:00Z'"),
    ("INTERVAL", "a span of days and smaller, or of months; in expressions only", ""),
    ("ROW<name TYPE, ...>", "fields, read by name: payload.user", "an object"),
    ("ARRAY<TYPE>", "elements, counted from 1", "an array"),
    ("MAP<TYPE, TYPE>", "values by key", "an object"),
)
