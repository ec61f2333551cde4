"""How functions are parsed so that Flink's meaning stays: each registered function is one generic call, by its name.

sqlglot would turn many of them into nodes of its own, with other argument orders and defaults. JSON functions have
clauses of their own: https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/functions/systemfunctions/.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp, parser
from sqlglot.tokenizer_core import TokenType

from streaming_sql.functions.registry import BY_NAME

_TIME_LITERALS = frozenset({"DATE", "TIME", "TIMESTAMP"})
_OWN_SYNTAX = frozenset({"CAST", "TRY_CAST", "EXTRACT", "CEIL", "FLOOR", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"})
_OWN_NODES = frozenset({"COALESCE", "NULLIF", "IF", "CASE", "ARRAY", "MAP", "AND"})
_NOT_FLINKS = frozenset(
    {"NVL", "NVL2", "LENGTH", "LEN", "CHAR", "LCASE", "UCASE", "POW", "DATEDIFF", "DATE_ADD", "STRPOS"}
)


class JsonCall(exp.Expression):
    """`this(expressions...)` with clauses, this one of JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY.

    `on_empty` and `on_error` are NULL, ERROR, DEFAULT, EMPTY ARRAY, EMPTY OBJECT, TRUE, FALSE or UNKNOWN; `on_null` is
    NULL or ABSENT. Keys and values of JSON_OBJECT take turns.
    """

    arg_types = {  # noqa: RUF012 (sqlglot's own convention)
        "this": True,
        "expressions": False,
        "returning": False,
        "wrapper": False,
        "on_empty": False,
        "empty_default": False,
        "on_error": False,
        "error_default": False,
        "on_null": False,
    }


def _generic(functions: dict[str, Any]) -> dict[str, Any]:
    return {
        name: build
        for name, build in functions.items()
        if name not in _NOT_FLINKS and (name not in BY_NAME or name in _OWN_SYNTAX | _OWN_NODES)
    }


class FunctionSyntax(parser.Parser):
    """The part of the parser that reads functions and typed literals."""

    FUNCTIONS = {  # noqa: RUF012 (sqlglot's own convention)
        name: build for name, build in _generic(parser.Parser.FUNCTIONS).items() if name not in _OWN_SYNTAX
    }
    FUNCTION_PARSERS = {  # noqa: RUF012 (sqlglot's own convention)
        **_generic(parser.Parser.FUNCTION_PARSERS),
        "CEILING": parser.Parser.FUNCTION_PARSERS["CEIL"],
        "TIMESTAMPADD": lambda self: self._parse_unit_call("TIMESTAMPADD"),
        "TIMESTAMPDIFF": lambda self: self._parse_unit_call("TIMESTAMPDIFF"),
        "JSON_VALUE": lambda self: self._parse_json_lookup("JSON_VALUE"),
        "JSON_QUERY": lambda self: self._parse_json_lookup("JSON_QUERY"),
        "JSON_EXISTS": lambda self: self._parse_json_lookup("JSON_EXISTS"),
        "JSON_OBJECT": lambda self: self._parse_json_pairs(),
        "JSON_ARRAY": lambda self: self._parse_json_array("JSON_ARRAY"),
        "JSON_STRING": lambda self: self._parse_json_array("JSON_STRING"),
    }

    def _parse_type(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
        """As sqlglot does, but DATE '...', TIME '...' and TIMESTAMP '...' are marked: they are no CAST."""
        first, following = self._curr, self._next
        node = super()._parse_type(*args, **kwargs)
        if not (first and following and following.token_type == TokenType.STRING and isinstance(node, exp.Cast)):
            return node
        name = first.text.upper()
        if name not in _TIME_LITERALS and name not in {"CAST", "TRY_CAST"}:
            self.raise_error(f"{name} has no literals", first)
        node.meta["literal"] = name in _TIME_LITERALS
        return node

    def _parse_unit_call(self, name: str) -> exp.Expr:
        """A call whose first argument is a unit: a word, not a column."""
        parts: list[Any] = [self._parse_var(any_token=True, upper=True)]
        if self._match(TokenType.COMMA):
            parts.extend(self._parse_csv(self._parse_disjunction))
        return self.expression(exp.Anonymous(this=name, expressions=parts))

    def _parse_json_lookup(self, name: str) -> exp.Expr:
        arguments = self._parse_csv(self._parse_disjunction)
        call = JsonCall(this=name, expressions=arguments)
        if self._match_text_seq("RETURNING"):
            call.set("returning", self._parse_types())
        if self._match_text_seq("WITHOUT"):
            self._match_text_seq("ARRAY")
            self._expect("WRAPPER")
        elif self._match_text_seq("WITH"):
            word = self._word("CONDITIONAL", "UNCONDITIONAL") or "UNCONDITIONAL"
            self._match_text_seq("ARRAY")
            self._expect("WRAPPER")
            call.set("wrapper", word)
        while behaviour := self._parse_behaviour():
            word, default = behaviour
            self._expect("ON")
            when = self._word("EMPTY", "ERROR")
            if when is None:
                self.raise_error("Expected EMPTY or ERROR")
            call.set(f"on_{str(when).lower()}", word)
            call.set(f"{str(when).lower()}_default", default)
        return self.expression(call)

    def _parse_behaviour(self) -> tuple[str, exp.Expr | None] | None:
        if self._match_text_seq("DEFAULT"):
            return "DEFAULT", self._parse_bitwise()
        if self._match_text_seq("EMPTY"):
            return f"EMPTY {self._word('OBJECT') or self._word('ARRAY') or 'ARRAY'}", None
        word = self._word("NULL", "ERROR", "TRUE", "FALSE", "UNKNOWN")
        return None if word is None else (word, None)

    def _parse_json_pairs(self) -> exp.Expr:
        parts: list[Any] = []
        while self._curr and self._curr.token_type != TokenType.R_PAREN and not self._at_null_clause():
            keyed = self._match_text_seq("KEY")
            parts.append(self._parse_bitwise())
            if not (self._match_text_seq("VALUE") or (not keyed and self._match(TokenType.COLON))):
                self.raise_error("Expected VALUE after a key")
            parts.append(self._parse_disjunction())
            if not self._match(TokenType.COMMA):
                break
        return self.expression(JsonCall(this="JSON_OBJECT", expressions=parts, on_null=self._null_clause()))

    def _parse_json_array(self, name: str) -> exp.Expr:
        parts: list[Any] = []
        while self._curr and self._curr.token_type != TokenType.R_PAREN and not self._at_null_clause():
            parts.append(self._parse_disjunction())
            if not self._match(TokenType.COMMA):
                break
        return self.expression(JsonCall(this=name, expressions=parts, on_null=self._null_clause()))

    def _at_null_clause(self) -> bool:
        return bool(self._next and self._next.text.upper() == "ON" and self._curr.text.upper() in {"NULL", "ABSENT"})

    def _null_clause(self) -> str | None:
        word = self._word("NULL", "ABSENT")
        if word is not None:
            self._expect("ON")
            self._expect("NULL")
        return word

    def _word(self, *words: str) -> str | None:
        return next((word for word in words if self._match_text_seq(word)), None)

    def _expect(self, word: str) -> None:
        if not self._match_text_seq(word):
            self.raise_error(f"Expected {word}")
