"""How MATCH_RECOGNIZE is written; Flink's grammar, with the row pattern read to its variables.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/match_recognize/
"""

from __future__ import annotations

from sqlglot import exp, parser
from sqlglot.tokenizer_core import Token, TokenType

from streaming_sql.errors import SqlError

MATCH_FORM = (
    "FROM events MATCH_RECOGNIZE (PARTITION BY key ORDER BY ts MEASURES FIRST(a.x) AS first_x, b.x AS last_x "
    "ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (a+ b) WITHIN INTERVAL '10' MINUTE "
    "DEFINE a AS a.x < 10, b AS b.x >= 10)"
)
_PATTERN_FORM = "PATTERN (a b+ c{2,3} d*? e), every variable once, each with * + ? {n} {n,} or {n,m}"
_SKIP_FORM = "AFTER MATCH SKIP PAST LAST ROW, TO NEXT ROW, TO FIRST variable or TO LAST variable"
_QUANTIFIERS: dict[TokenType, tuple[int, int | None]] = {
    TokenType.STAR: (0, None),
    TokenType.PLUS: (1, None),
    TokenType.PLACEHOLDER: (0, 1),
    TokenType.DQMARK: (0, 1),
}


class PatternVariable(exp.Expression):
    """A variable, taken `least` to `most` times (None: any number), as often as may be if `greedy`."""

    arg_types = {"this": True, "least": True, "most": False, "greedy": True, "quantified": False}  # noqa: RUF012


class AfterMatch(exp.Expression):
    """`AFTER MATCH SKIP this [variable]`."""

    arg_types = {"this": True, "variable": False}  # noqa: RUF012 (sqlglot's own convention)


class RowPattern(exp.Expression):
    """`MATCH_RECOGNIZE (...)` with its PatternVariables; `all_rows` for ALL ROWS PER MATCH."""

    arg_types = {  # noqa: RUF012 (sqlglot's own convention)
        "partition_by": False,
        "order": False,
        "measures": False,
        "all_rows": False,
        "after": False,
        "pattern": True,
        "within": False,
        "define": False,
        "alias": False,
    }


class MatchParser(parser.Parser):
    """Reads MATCH_RECOGNIZE."""

    _in_measures = False

    def _parse_match_recognize(self) -> exp.Expr | None:  # type: ignore[override]
        if not self._match(TokenType.MATCH_RECOGNIZE):
            return None
        start = self._prev
        self._match_l_paren()
        match = RowPattern(partition_by=self._parse_partition_by(), order=self._parse_order())
        match.set("measures", self._parse_measures())
        match.set("all_rows", self._parse_rows_per_match())
        match.set("after", self._parse_after_match())
        self._expect("PATTERN")
        match.set("pattern", self._parse_pattern())
        if self._match_text_seq("WITHIN"):
            match.set("within", self._parse_disjunction())
        if self._match_text_seq("SUBSET"):
            raise self._refusal("SUBSET is not supported", self._prev, MATCH_FORM)
        self._expect("DEFINE")
        match.set("define", self._parse_csv(self._parse_name_as_expression))
        self._match_r_paren()
        match.set("alias", self._parse_table_alias())
        return self.expression(match, start)

    def _parse_measures(self) -> list[exp.Expr]:
        if not self._match_text_seq("MEASURES"):
            return []
        self._in_measures = True
        measures: list[exp.Expr] = self._parse_csv(self._parse_measure)
        self._in_measures = False
        return measures

    def _parse_measure(self) -> exp.Expr:
        value = self._parse_disjunction()
        if not self._match(TokenType.ALIAS):
            raise self._refusal("a measure needs a name", self._curr, "MEASURES a.x AS x")
        return self.expression(exp.Alias(this=value, alias=self._parse_id_var()))

    def _parse_unary(self) -> exp.Expr | None:
        if self._in_measures and self._match_text_seq("FINAL"):
            return self._parse_unary()
        if self._in_measures and self._curr.text.upper() == "RUNNING" and not self._curr_is_name():
            raise self._refusal("RUNNING is not supported with ONE ROW PER MATCH", self._curr, "FINAL LAST(a.x)")
        return super()._parse_unary()

    def _curr_is_name(self) -> bool:
        """Whether the word at hand is a column, not a modifier of what follows."""
        return not self._next or self._next.token_type not in {TokenType.VAR, TokenType.FIRST}

    def _parse_rows_per_match(self) -> bool:
        if self._match_text_seq("ALL", "ROWS", "PER", "MATCH"):
            raise self._refusal("ALL ROWS PER MATCH is not supported", self._prev, "ONE ROW PER MATCH")
        self._match_text_seq("ONE", "ROW", "PER", "MATCH")
        return False

    def _parse_after_match(self) -> exp.Expr | None:
        if not self._match_text_seq("AFTER", "MATCH", "SKIP"):
            return None
        if self._match_text_seq("PAST", "LAST", "ROW"):
            return self.expression(AfterMatch(this="PAST LAST ROW"))
        if not self._match_text_seq("TO"):
            raise self._refusal("where to skip to is not understood", self._curr, _SKIP_FORM)
        if self._match_text_seq("NEXT", "ROW"):
            return self.expression(AfterMatch(this="TO NEXT ROW"))
        first = self._match_text_seq("FIRST")
        if not first:
            self._match_text_seq("LAST")
        variable = self._parse_id_var()
        if variable is None:
            raise self._refusal("a variable to skip to is needed", self._curr, _SKIP_FORM)
        return self.expression(AfterMatch(this="TO FIRST" if first else "TO LAST", variable=variable))

    def _parse_pattern(self) -> list[PatternVariable]:
        self._match_l_paren()
        variables: list[PatternVariable] = []
        while not self._match(TokenType.R_PAREN):
            variables += self._parse_pattern_part()
        if not variables:
            raise self._refusal("the pattern is empty", self._prev, _PATTERN_FORM)
        return variables

    def _parse_pattern_part(self) -> list[PatternVariable]:
        token = self._curr
        refused = {
            TokenType.PIPE: "alternatives are",
            TokenType.L_BRACE: "exclusion is",
            TokenType.CARET: "anchors are",
        }
        if token.token_type in refused or token.text == "$":
            raise self._refusal(f"{refused.get(token.token_type, 'anchors are')} not supported", token, _PATTERN_FORM)
        if token.text.upper() == "PERMUTE" and self._next and self._next.token_type == TokenType.L_PAREN:
            raise self._refusal("PERMUTE is not supported", token, _PATTERN_FORM)
        if token.token_type == TokenType.L_PAREN:
            return self._quantified(self._parse_pattern(), token)
        named = token.token_type == TokenType.IDENTIFIER or token.text[:1].isidentifier()
        name = self._parse_id_var() if named else None
        if name is None:
            raise self._refusal("a variable of the pattern is needed", token, _PATTERN_FORM)
        variable = self.expression(PatternVariable(this=name, least=1, most=1, greedy=True), token)
        return self._quantified([variable], token)

    def _quantified(self, variables: list[PatternVariable], token: Token) -> list[PatternVariable]:
        """The variables with the quantifier that follows; a group of several takes none."""
        place = self._curr
        bounds = self._parse_quantifier()
        if bounds is None:
            return variables
        if len(variables) > 1 or variables[0].args.get("quantified"):
            raise self._refusal("a group cannot be repeated", token, _PATTERN_FORM)
        least, most = bounds
        reluctant = self._prev.token_type == TokenType.DQMARK or bool(self._match(TokenType.PLACEHOLDER))
        if most is not None and (most < least or most == 0):
            raise self._refusal("the variable can take no row so often", place, _PATTERN_FORM)
        if reluctant and bounds == (0, 1):
            raise self._refusal("a reluctant ? is not supported", place, "a?, which takes as few rows as may be")
        variable = variables[0]
        for name, value in (("least", least), ("most", most), ("greedy", not reluctant), ("quantified", True)):
            variable.args[name] = value
        return [variable]

    def _parse_quantifier(self) -> tuple[int, int | None] | None:
        found = _QUANTIFIERS.get(self._curr.token_type)
        if found is not None:
            self._advance()
            return found
        braces = self._curr.token_type == TokenType.L_BRACE
        if not braces or not self._next or self._next.token_type not in {TokenType.NUMBER, TokenType.COMMA}:
            return None
        self._advance()
        least = self._parse_count()
        if least is None:
            raise self._refusal("a least number is needed", self._curr, "{0,m} in place of {,m}")
        most: int | None = least
        if self._match(TokenType.COMMA):
            most = self._parse_count()
        if not self._match(TokenType.R_BRACE):
            raise self._refusal("Expected }", self._curr, _PATTERN_FORM)
        return least, most

    def _parse_count(self) -> int | None:
        if not self._match(TokenType.NUMBER):
            return None
        if not self._prev.text.isdecimal():
            raise self._refusal("a whole number is needed", self._prev, _PATTERN_FORM)
        return int(self._prev.text)

    def _expect(self, word: str) -> None:
        if not self._match_text_seq(word):
            raise self._refusal(f"Expected {word}", self._curr, MATCH_FORM)

    def _refusal(self, message: str, token: Token | None, form: str) -> SqlError:
        start = token.start if token else len(self.sql)
        before = self.sql[:start]
        return SqlError(message, before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1, form)
