"""Flink SQL as sqlglot reads it: window table functions, WATERMARK FOR, ROW types, back-ticked names.

Syntax: https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/create/ and
https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-tvf/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import sqlglot
from sqlglot import exp, parser
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from streaming_sql.errors import SqlError
from streaming_sql.function_syntax import FunctionSyntax
from streaming_sql.match_syntax import MatchParser

CREATE_FORM = (
    "CREATE TABLE name (column TYPE, ..., ts AS TO_TIMESTAMP_LTZ(`time`, 3), "
    "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = '...')"
)
INSERT_FORM = (
    "INSERT INTO sink SELECT window_start, window_end, key, COUNT(*) FROM TABLE(TUMBLE(TABLE events, "
    "DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE ... GROUP BY window_start, window_end, key"
)
_MIGRATION = (
    "Kinesis Data Analytics for SQL has ended: write a PUMP as INSERT INTO sink SELECT, a STREAM as "
    "CREATE TABLE ... WITH ('connector' = 'kinesis'), and WINDOWED BY STAGGER as "
    "TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
)
_ENDED_WORDS = frozenset({"PUMP", "STAGGER", "WINDOWED"})

_Node = TypeVar("_Node", bound=exp.Expr)


class Watermark(exp.Expression):
    """`WATERMARK FOR this AS expression`."""

    arg_types = {"this": True, "expression": True}  # noqa: RUF012 (sqlglot's own convention)


class MetadataColumn(exp.Expression, exp.ColumnConstraintKind):
    """`METADATA [FROM 'this'] [VIRTUAL]`; `this` is "" for the column's own name."""

    arg_types = {"this": False}  # noqa: RUF012 (sqlglot's own convention)


class WindowTable(exp.Expression):
    """`TABLE(this(TABLE table [PARTITION BY partition...], DESCRIPTOR(column), expressions...))`."""

    arg_types = {  # noqa: RUF012 (sqlglot's own convention)
        "this": True,
        "table": True,
        "column": True,
        "expressions": False,
        "partition": False,
        "alias": False,
    }


class Flink(sqlglot.Dialect):
    """The dialect; only ever parsed with, never generated from."""

    class Tokenizer(sqlglot.Tokenizer):
        """Back-ticked identifiers and the ROW type."""

        IDENTIFIERS = ["`"]  # noqa: RUF012 (sqlglot's own convention)
        KEYWORDS = {  # noqa: RUF012 (sqlglot's own convention)
            **sqlglot.Tokenizer.KEYWORDS,
            "ROW": TokenType.STRUCT,
            "MATCH_RECOGNIZE": TokenType.MATCH_RECOGNIZE,
        }

    class Parser(MatchParser, FunctionSyntax):
        """Adds WATERMARK FOR and TABLE(FUNCTION(...)), and remembers where each node was read."""

        CONSTRAINT_PARSERS = {  # noqa: RUF012 (sqlglot's own convention)
            **parser.Parser.CONSTRAINT_PARSERS,
            "WATERMARK": lambda self: self._parse_watermark(),
            "METADATA": lambda self: self._parse_metadata(),
        }
        SCHEMA_UNNAMED_CONSTRAINTS = parser.Parser.SCHEMA_UNNAMED_CONSTRAINTS | {"WATERMARK"}

        def expression(self, instance: _Node, token: Token | None = None, comments: list[str] | None = None) -> _Node:
            """Keep the position of the last token read for nodes that sqlglot gives none."""
            node = super().expression(instance, token, comments)
            if self._prev and "start" not in node.meta:
                node.update_positions(self._prev)
            return node

        def _parse_watermark(self) -> exp.Expr:
            self._expect_word("FOR")
            column = self._parse_id_var()
            if not self._match(TokenType.ALIAS):
                self.raise_error("Expected AS")
            return self.expression(Watermark(this=column, expression=self._parse_disjunction()))

        def _parse_metadata(self) -> exp.Expr:
            name = self._parse_string() if self._match(TokenType.FROM) else None
            self._match_text_seq("VIRTUAL")
            return self.expression(MetadataColumn(this=name))

        def _parse_primary_key(self, *args: Any, **kwargs: Any) -> Any:
            key = super()._parse_primary_key(*args, **kwargs)
            self._match_text_seq("NOT", "ENFORCED")
            return key

        def _parse_table(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
            if self._curr.token_type == TokenType.TABLE and self._next and self._next.token_type == TokenType.L_PAREN:
                return self._parse_window_table()
            return super()._parse_table(*args, **kwargs)

        def _parse_window_table(self) -> exp.Expr:
            self._advance(2)
            function = self._parse_id_var()
            self._match_l_paren()
            self._skip_argument_name()
            if not self._match(TokenType.TABLE):
                self.raise_error("Expected TABLE name as the window function's first argument")
            table = self._parse_table_parts()
            partition = self._parse_window_partition()
            self._match(TokenType.COMMA)
            self._skip_argument_name()
            self._expect_word("DESCRIPTOR")
            self._match_l_paren()
            column = self._parse_id_var()
            self._match_r_paren()
            intervals = []
            while self._match(TokenType.COMMA):
                self._skip_argument_name()
                intervals.append(self._parse_disjunction())
            self._match_r_paren()
            self._match_r_paren()
            window = self.expression(
                WindowTable(this=function, table=table, column=column, expressions=intervals, partition=partition)
            )
            window.set("alias", self._parse_table_alias())
            return window

        def _parse_window_partition(self) -> list[exp.Expr]:
            columns: list[exp.Expr] = []
            if self._match(TokenType.PARTITION_BY):
                columns.append(self._parse_partition_column())
                while self._curr.token_type == TokenType.COMMA and self._next.text.upper() != "DESCRIPTOR":
                    self._advance()
                    columns.append(self._parse_partition_column())
            return columns

        def _parse_partition_column(self) -> exp.Expr:
            column = self._parse_column()
            if column is None:
                self.raise_error("Expected a column")
                raise AssertionError("raise_error raises at the default error level")
            return column

        def _skip_argument_name(self) -> None:
            """Skip `SIZE =>` and the like: arguments come in their order all the same."""
            if self._next and self._next.token_type == TokenType.FARROW:
                self._advance(2)

        def _expect_word(self, word: str) -> None:
            if not self._match_text_seq(word):
                self.raise_error(f"Expected {word}")

        def _parse_as_command(self, start: Token) -> exp.Command:
            self.raise_error("Unsupported statement", start)
            raise AssertionError("raise_error raises at the default error level")


@dataclass(frozen=True)
class Statement:
    """One statement of a script: its tree, its tokens joined by one space, and where errors point."""

    tree: exp.Expr
    words: str
    text: str


def parse_script(text: str) -> list[Statement]:
    """Parse a script of statements separated by semicolons.

    Raises:
        SqlError: at the first place that cannot be read.

    """
    dialect = Flink()
    try:
        tokens = dialect.tokenize(text)
    except TokenError as error:
        raise SqlError(f"not SQL: {str(error).splitlines()[0]}", *_line_column(text, len(text))) from error
    _refuse_ended_service(tokens, text)
    return [_parse_statement(dialect, chunk, text) for chunk in _split(tokens)]


def _parse_statement(dialect: Flink, tokens: list[Token], text: str) -> Statement:
    nearest = CREATE_FORM if tokens[0].text.upper() == "CREATE" else INSERT_FORM
    try:
        trees = dialect.parser().parse(tokens, text)
    except ParseError as error:
        first = error.errors[0]
        raise SqlError(
            str(first["description"]).split("\n")[0].rstrip("."),
            int(first["line"] or 1),
            _start_column(first),
            nearest,
        ) from error
    tree = trees[0]
    if tree is None:
        raise SqlError("empty statement", *_line_column(text, tokens[0].start), nearest)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("quoted", False)  # `type` and type are one name
    return Statement(tree, " ".join(_word(token) for token in tokens), text)


def _start_column(error: dict[str, Any]) -> int:
    return max(1, int(error["col"] or 1) - len(str(error.get("highlight") or " ")) + 1)


def _word(token: Token) -> str:
    return repr(token.text) if token.token_type == TokenType.STRING else token.text


def _split(tokens: list[Token]) -> list[list[Token]]:
    chunks: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            chunks.append([])
        else:
            chunks[-1].append(token)
    return [chunk for chunk in chunks if chunk]


def _refuse_ended_service(tokens: list[Token], text: str) -> None:
    """Raise with a migration hint where the SQL is of Kinesis Data Analytics for SQL."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        word = token.text.upper()
        if token.token_type in {TokenType.STRING, TokenType.IDENTIFIER}:
            continue
        stream = word == "STREAM" and before is not None and before.text.upper() in {"CREATE", "REPLACE", "SELECT"}
        if word in _ENDED_WORDS or stream:
            raise SqlError(f"{word} is not Flink SQL", *_line_column(text, token.start), _MIGRATION)


def _line_column(text: str, start: int) -> tuple[int, int]:
    before = text[:start]
    return before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1


def unsupported(node: exp.Expr, text: str, message: str, nearest: str = "") -> SqlError:
    """The error that points at where `node` begins in `text`."""
    starts = [int(part.meta["start"]) for part in node.walk() if "start" in part.meta]
    return SqlError(message, *_line_column(text, min(starts, default=0)), nearest)
