"""The reference of the supported SQL, made from the code: each entry with its form, an example and what it gives."""

from streaming_sql.reference.page import reference

__all__ = ["reference"]
