"""Scripts to programs: tables and views by name, and one sink for each INSERT INTO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from streaming_sql.dialect import CREATE_FORM, INSERT_FORM, Statement, parse_script, unsupported
from streaming_sql.errors import SqlError
from streaming_sql.expressions import Expression
from streaming_sql.operators.sink import SinkNode
from streaming_sql.planning.select import plan_open, plan_query
from streaming_sql.planning.settings import read_state_ttl
from streaming_sql.planning.sinks import plan_sink
from streaming_sql.planning.sources import Scans
from streaming_sql.program import Program
from streaming_sql.relation import Column, Relation
from streaming_sql.tables import Table, fingerprint, only, plain_name, read_table

VIEW_FORM = "CREATE VIEW name AS SELECT ..."


@dataclass
class Planner:
    """Plans the statements of one script, in their order.

    Attributes:
        scans: shared by all scripts of a program.
        single_shard: all records come from one shard, so every key is local to it.
        views: relations by name, common table expressions of the statement at hand among them.
        statement: the statement that is being planned.
        ttl_ms: how long state without a window is kept: SET 'table.exec.state.ttl' before the statement.

    """

    scans: Scans
    single_shard: bool = False
    tables: dict[str, Table] = field(default_factory=dict)
    views: dict[str, Relation] = field(default_factory=dict)
    queries: dict[str, SinkNode] = field(default_factory=dict)
    statement: Statement = field(default_factory=lambda: Statement(exp.Null(), "", ""))
    owner: str = ""
    ttl_ms: int | None = None
    _nodes: int = 0

    @property
    def text(self) -> str:
        """The script that errors point into."""
        return self.statement.text

    def plan(self, statement: Statement) -> None:
        """Take one statement in.

        Raises:
            SqlError: where it is outside the subset.

        """
        self.statement, self._nodes = statement, 0
        tree = statement.tree
        if isinstance(tree, exp.Create) and str(tree.args["kind"]).upper() == "VIEW":
            self._plan_view(tree)
        elif isinstance(tree, exp.Create):
            table = read_table(statement, tree)
            self._refuse_twice(table.name, tree.this.this)
            self.tables[table.name] = table
        elif isinstance(tree, exp.Insert):
            self._plan_insert(tree)
        elif isinstance(tree, exp.Set):
            self.ttl_ms = read_state_ttl(tree, self.text)
        else:
            form = f"{CREATE_FORM}; {VIEW_FORM}; or {INSERT_FORM}"
            raise unsupported(tree, self.text, f"{tree.key.upper()} is not supported as a statement", form)

    def relation(self, name: exp.Table) -> Relation:
        """The relation of a table or view, its columns qualified by the alias or the name.

        Raises:
            SqlError: if there is none of that name.

        """
        known = name.name
        if known in self.views:
            found = self.views[known]
        elif known in self.tables and not name.args.get("db"):
            found = self.scans.relation(self.tables[known])
        else:
            names = ", ".join([*self.tables, *self.views])
            raise unsupported(name, self.text, f"no table or view {known} is created before", names or CREATE_FORM)
        return found.aliased(name.alias or known)

    def name(self, kind: str) -> str:
        """A name for the next node of the statement."""
        self._nodes += 1
        return f"{self.owner}/{self._nodes}:{kind}"

    def digest(self, *relations: Relation) -> str:
        """The fingerprint of a node of the statement that reads the relations."""
        return fingerprint(self.statement.words, *(relation.node.fingerprint for relation in relations))

    def is_local(self, relation: Relation, keys: Sequence[Expression]) -> bool:
        """Whether all rows of one key of a table come from one shard: its partition key is among the keys."""
        if self.single_shard:
            return True
        if not any(table.fingerprint == relation.node.fingerprint for table in self.tables.values()):
            return False
        return any(origin.is_partition_key for key in keys for origin in key.origins)

    def _plan_view(self, tree: exp.Create) -> None:
        only(tree, self.text, VIEW_FORM, "this", "kind", "expression", "properties")
        schema = tree.this if isinstance(tree.this, exp.Schema) else None
        name = plain_name(schema.this if schema else tree.this, self.text)
        self._refuse_twice(name, tree.this)
        self.owner = name
        relation = plan_open(tree.expression, self)
        if schema:
            relation = self._renamed(relation, [part.name for part in schema.expressions], tree)
        self.views[name] = relation

    def _renamed(self, relation: Relation, names: list[str], tree: exp.Expr) -> Relation:
        if len(names) != len(relation.columns):
            message = f"{len(names)} names are given to {len(relation.columns)} columns"
            raise unsupported(tree, self.text, message, VIEW_FORM)
        columns: list[Column] = [
            replace(column, name=name) for column, name in zip(relation.columns, names, strict=True)
        ]
        return replace(relation, columns=tuple(columns))

    def _plan_insert(self, tree: exp.Insert) -> None:
        only(tree, self.text, INSERT_FORM, "this", "expression")
        schema = tree.this if isinstance(tree.this, exp.Schema) else None
        name = plain_name(schema.this if schema else tree.this, self.text)
        if name not in self.tables:
            raise unsupported(tree.this, self.text, f"no sink table {name} is created before", CREATE_FORM)
        if name in self.queries:
            raise unsupported(tree.this, self.text, f"sink {name} is filled twice", "one INSERT for each sink")
        self.owner = name
        relation = plan_query(tree.expression, self)
        columns = [part.name for part in schema.expressions] if schema else []
        self.queries[name] = plan_sink(self.tables[name], columns, relation, tree, self)

    def _refuse_twice(self, name: str, place: exp.Expr) -> None:
        if name in self.tables or name in self.views:
            raise unsupported(place, self.text, f"table {name} is created twice")


def plan_script(text: str, *, single_shard: bool = False) -> Program:
    """Plan one script: CREATE TABLE and CREATE VIEW statements, and an INSERT INTO for each sink.

    Raises:
        SqlError: at the first place outside the subset.

    """
    return Program(tuple(_queries(text, Scans(), single_shard).values()))


def load_program(scripts: Mapping[str, str], *, single_shard: bool = False) -> Program:
    """Plan scripts by file name; each has its own tables and views, all their sinks different names.

    Raises:
        SqlError: naming file, line and column.

    """
    scans = Scans()
    queries: dict[str, SinkNode] = {}
    for file, text in scripts.items():
        try:
            for name, query in _queries(text, scans, single_shard).items():
                if name in queries:
                    raise _filled_by_two(name, text)
                queries[name] = query
        except SqlError as error:
            raise error.in_file(file) from error
    return Program(tuple(queries.values()))


def _queries(text: str, scans: Scans, single_shard: bool) -> dict[str, SinkNode]:
    planner = Planner(scans, single_shard)
    for statement in parse_script(text):
        planner.plan(statement)
    return planner.queries


def _filled_by_two(name: str, text: str) -> SqlError:
    for statement in parse_script(text):
        tree = statement.tree
        if isinstance(tree, exp.Insert) and tree.this.find(exp.Table).name == name:
            return unsupported(tree, text, f"another script fills a sink called {name}")
    raise AssertionError("the sink is filled by the script")
