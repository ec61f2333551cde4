"""Scalar functions over values that are not NULL; `registry` lists them all."""

from streaming_sql.functions.casts import cast
from streaming_sql.functions.numbers import arithmetic
from streaming_sql.functions.parsing import to_decimal, to_double, to_integer
from streaming_sql.functions.patterns import like_pattern
from streaming_sql.functions.text import substring

__all__ = ["arithmetic", "cast", "like_pattern", "substring", "to_decimal", "to_double", "to_integer"]
