"""Where the WITH clauses of CREATE TABLEs stand in a script, and the script with others in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from streaming_sql.dialect import Flink, Statement, parse_script
from streaming_sql.tables import Table, read_table


@dataclass(frozen=True)
class Declaration:
    """A CREATE TABLE of a script.

    Attributes:
        start, end: the characters between the parentheses of its WITH: text[start:end].

    """

    table: Table
    statement: Statement
    start: int
    end: int


def declarations(text: str) -> list[Declaration]:
    """The tables that a script creates, in its order.

    Raises:
        SqlError: where the script cannot be read, or a table is outside the subset.

    """
    found: list[Declaration] = []
    places = list(with_clauses(text))
    for statement in parse_script(text):
        tree = statement.tree
        if isinstance(tree, exp.Create) and str(tree.args["kind"]).upper() == "TABLE":
            table = read_table(statement, tree)  # which refuses one without WITH
            found.append(Declaration(table, statement, *places[len(found)]))
    return found


def with_options(text: str, options: Iterable[tuple[Declaration, Mapping[str, str]]]) -> str:
    """The script with these options in the tables' WITH clauses, and every character outside of them as it was."""
    parts: list[str] = []
    at = 0
    for declaration, chosen in options:
        parts += [text[at : declaration.start], _written(chosen)]
        at = declaration.end
    return "".join([*parts, text[at:]])


def _written(options: Mapping[str, str]) -> str:
    return "\n" + ",\n".join(f"  {_quoted(name)} = {_quoted(value)}" for name, value in options.items()) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def with_clauses(text: str) -> Iterator[tuple[int, int]]:
    """Where each CREATE TABLE's WITH clause stands, without its parentheses: text[start:end]."""
    statement: list[Token] = []
    for token in [*Flink().tokenize(text), None]:
        if token is not None and token.token_type != TokenType.SEMICOLON:
            statement.append(token)
            continue
        words = [each.text.upper() for each in statement[:2]]
        if words == ["CREATE", "TABLE"]:
            yield from _clause(statement)
        statement = []


def _clause(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    depth, start = 0, 0
    for before, token in pairwise(tokens):
        if token.token_type == TokenType.L_PAREN:
            if depth == 0 and before.token_type == TokenType.WITH:
                start = token.end + 1
            depth += 1
        elif token.token_type == TokenType.R_PAREN:
            depth -= 1
            if depth == 0 and start:
                yield start, token.start
                return
