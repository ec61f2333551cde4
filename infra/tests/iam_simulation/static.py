"""Every operation of an AWS SDK that the code of a service can reach, by reading the code: also what no run shows.

A call is told by its shape: SDKs take keyword arguments alone, named as the operation's model says. References that are
handed on (`partial(client.list_objects_v2, …)`), paginators, waiters and calls of our own data plane count as well.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import botocore.session
from botocore import xform_name

_SERVICES = ("cloudwatch", "dynamodb", "firehose", "kinesis", "kms", "s3", "secretsmanager", "sns", "sqs", "sts")
_WAITERS = {"table_exists": "dynamodb:DescribeTable"}
_CLIENTS = ("client", "dynamodb", "kinesis", "firehose", "s3", "sns", "sqs", "cloudwatch", "secretsmanager")
_SIGNERS = frozenset({"AWSV4SignerAsyncAuth", "AWSV4SignerAuth", "RequestsAWSV4SignerAuth"})

ENTRIES = {
    "ingest-api": "ingest_api.__main__",
    "enricher": "enricher.__main__",
    "aggregator": "aggregator.__main__",
    "indexer": "indexer.__main__",
    "console": "console.__main__",
    "reshard": "reshard.handler",
    "canary": "canary.handler",
    "rotate": "rotate.handler",
    "search-setup": "indexer.search_setup.__main__",
}
"""The module that each service or function begins with."""


@lru_cache(maxsize=1)
def _operations() -> dict[str, list[tuple[str, frozenset[str], frozenset[str]]]]:
    """By method name: operation, all members of its input, the required ones."""
    session = botocore.session.get_session()
    found: dict[str, list[tuple[str, frozenset[str], frozenset[str]]]] = {}
    for service in _SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            shape = model.operation_model(name).input_shape
            members = frozenset(shape.members) if shape else frozenset()
            required = frozenset(shape.required_members) if shape else frozenset()
            found.setdefault(xform_name(name), []).append((f"{service}:{name}", members, required))
    return found


def sources(root: Path) -> dict[str, Path]:
    """The project's own modules by name."""
    folders = [*root.glob("libs/*/src"), *root.glob("services/*/src"), *root.glob("functions/*/src")]
    found = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def reached(entry: str, modules: dict[str, Path]) -> set[str]:
    """The project's modules that importing `entry` brings in, within functions too."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found or name not in modules:
            continue
        found.add(name)
        waiting += _imported(name, modules[name])
        waiting.append(name.rpartition(".")[0])
    return found


@lru_cache(maxsize=1024)
def _imported(name: str, path: Path) -> tuple[str, ...]:
    return tuple(_imports(name, path))


def _imports(name: str, path: Path) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@lru_cache(maxsize=1024)
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def operations(source: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and operation of every call in a module."""
    functions = {id(node.func): node for node in ast.walk(source) if isinstance(node, ast.Call)}
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute) and node.attr in _operations():
            call = functions.get(id(node))
            found = _called(node, call) if call else _handed_on(node)
            yield from ((node.lineno, operation) for operation in found)
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, operation) for operation in _named_by_text(node))
        elif isinstance(node, ast.Name) and node.id in _SIGNERS:
            yield node.lineno, "es:ESHttp"


def _called(node: ast.Attribute, call: ast.Call) -> list[str]:
    if call.args:
        return []
    given = {keyword.arg for keyword in call.keywords}
    if None in given:
        return [operation for operation, *_ in _operations()[node.attr] if _is_client(node.value, node.attr)]
    return [
        operation
        for operation, members, required in _operations()[node.attr]
        if given <= members and required <= given and (given or _is_client(node.value, node.attr))
    ]


def _handed_on(node: ast.Attribute) -> list[str]:
    """A method that is not called here: of a client, or of a name that nothing else has."""
    return [operation for operation, *_ in _operations()[node.attr] if _is_client(node.value, node.attr)]


def _is_client(receiver: ast.expr, method: str) -> bool:
    text = ast.unparse(receiver).rstrip("]\"'").lower()
    return text.endswith(_CLIENTS) or "_" in method


def _named_by_text(call: ast.Call) -> Iterator[str]:
    """get_waiter("table_exists"), get_paginator("scan"), plane.call("PutRecords", …)."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if not call.args or not isinstance(call.args[0], ast.Constant) or not isinstance(call.args[0].value, str):
        return
    text = call.args[0].value
    if name == "get_waiter":
        yield _WAITERS[text]
    elif name == "get_paginator":
        yield from (operation for operation, *_ in _operations()[text])
    elif name in ("call", "_answer"):
        yield from (o for several in _operations().values() for o, *_ in several if o == f"kinesis:{text}")


@lru_cache(maxsize=1024)
def _operations_in(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple(operations(_tree(path)))


def reachable(service: str, root: Path) -> dict[str, str]:
    """Each operation that the service's code can reach, with a place where it is called: "file.py:12"."""
    modules = sources(root)
    found: dict[str, str] = {}
    for name in sorted(reached(ENTRIES[service], modules)):
        for line, operation in _operations_in(modules[name]):
            found.setdefault(operation, f"{modules[name].relative_to(root)}:{line}")
    return found
