"""Where scalar functions knowingly differ from Flink 1.20, for the reference page."""

from __future__ import annotations

DIFFERENCES: tuple[tuple[str, str], ...] = (
    (
        "CAST of a value that cannot be converted, division of integers or decimals by zero, ERROR ON ERROR",
        "NULL here; Flink fails the job, which one bad record must not do to a stream.",
    ),
    (
        "infinities and NaN",
        "NULL here, as JSON carries neither; Flink computes on with them (LN(0), SQRT(-1), x / 0.0, overflow).",
    ),
    ("TIMESTAMP(p)", "p from 0 to 3 here: times are kept in milliseconds. Flink keeps nanoseconds."),
    ("TO_DATE(text, pattern)", "NULL for a text that does not fit; Flink gives a date such as 5471-09-27."),
    (
        "SIN, COSH, POWER and the like",
        "The last of 17 digits may differ: Java and the C library approximate these functions differently.",
    ),
    (
        "regular expressions",
        "Java's, but for classes inside classes, &&, Unicode properties, the flags d, u, U and x, and lookbehind of "
        "varying length, which are refused; in a pattern that is no constant they count as no pattern.",
    ),
    ("JSON paths", "Filters ([?(...)]) and functions of paths are refused."),
    (
        "JSON_VALUE ... RETURNING",
        "A value of another kind gives NULL, an integer RETURNING DOUBLE the number; Flink fails the job.",
    ),
    ("date patterns", "Without week-based years, weeks and localised letters; names are English; yy is not parsed."),
    ("TIMESTAMPADD", "Of more than two thousand million days or so Flink overflows; here the time is right."),
    (
        "JSON columns of a time",
        "A whole number is read as epoch milliseconds as well as the text that Flink reads.",
    ),
    (
        "CURRENT_TIMESTAMP, NOW, UUID, RAND and the like",
        "Refused: replaying the same records must give the same rows. PROCTIME() is the record's arrival in Kinesis.",
    ),
)
"""(what, how it differs), each true of constants and columns alike."""
