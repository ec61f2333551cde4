"""Every command that a page shows is one that its program takes."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import click
import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session
from documented_commands import Command, commands, functions

from etl_cli.__main__ import main
from shardline.cli.arguments import parser

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "infra" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "diagrams").glob("*.md")),
]
SERVICES = {"ingest-api", "enricher", "aggregator", "indexer", "console"}
# Programs of the reader's machine: what they are given is checked for paths and variables alone.
ELSEWHERE = frozenset(
    {
        "awk",
        "base64",
        "cat",
        "chmod",
        "cosign",
        "curl",
        "cut",
        "date",
        "diff",
        "docker",
        "docker-compose",
        "echo",
        "gh",
        "git",
        "grep",
        "gzip",
        "head",
        "jq",
        "kill",
        "ls",
        "mkdir",
        "mktemp",
        "mvn",
        "openssl",
        "pip",
        "printf",
        "rm",
        "sed",
        "sha256sum",
        "sleep",
        "sort",
        "tail",
        "tee",
        "test",
        "uv",
    }
)
CHECKED = frozenset({"etl", "shardline", "make", "terraform", "python", "python3", "aws", *SERVICES})
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, flags=re.MULTILINE))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
_AWS = Session()
_AWS_OWN = {
    ("ecr", "get-login-password"),
    ("cloudtrail", "validate-logs"),
    ("logs", "tail"),
    ("s3", "cp"),
    ("s3", "ls"),
    ("s3", "sync"),
    ("s3", "rm"),
}
_AWS_GLOBAL = {"query", "output", "region", "profile", "endpoint-url", "no-cli-pager", "no-paginate", "debug"}
_COUNTED: Counter[str] = Counter()


def etl(words: list[str], *, whole: bool) -> str | None:
    """What is wrong with the arguments of `etl`; None for nothing. Only whole commands must have all arguments."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return f"{name} is no command of {command.name}"
        command = found
    if isinstance(command, click.Group):
        return "a command is missing" if whole and words != ["--help"] else None
    if "--help" in words:
        return None
    try:
        command.make_context(command.name, list(words))
    except click.UsageError as error:
        if isinstance(error, click.MissingParameter) and not whole:
            return None
        text = error.format_message()
        if isinstance(error, click.BadParameter) and any("$" in word for word in words):
            return None  # what a variable stands for is not known
        return None if "does not exist" in text or "No such file" in text else text
    except click.ClickException as error:
        return None if isinstance(error, click.FileError) else error.format_message()
    return None


def shardline(words: list[str], *, whole: bool) -> str | None:
    """As `etl`, for `shardline`."""
    known = parser()
    try:
        known.parse_args(words)
    except SystemExit as end:
        if not end.code:
            return None
        names = {"shards", "leases", "lag", "tail", "reset", "migrate"}
        return None if not whole and (not words or words[0] in names) else "not taken"
    return None


def make(words: list[str]) -> str | None:
    """Targets, and variables that the Makefile reads."""
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable and f"$({name})" not in MAKEFILE and f"$({name}:" not in MAKEFILE:
            if f"$(if $({name})" not in MAKEFILE and f"$(or $({name})" not in MAKEFILE:
                return f"no target reads {name}"
        elif not is_variable and name not in TARGETS:
            return f"no target {name}"
    return None


def terraform(words: list[str]) -> str | None:
    """The folder, and the variables, outputs and files named."""
    folder = ROOT / "infra"
    if words and words[0].startswith("-chdir="):
        folder = ROOT / words.pop(0).removeprefix("-chdir=")
        if not folder.is_dir():
            return f"no folder {folder.name}"
    text = "\n".join(file.read_text() for file in folder.glob("*.tf"))
    if words and words[0] == "output":
        for name in (word for word in words[1:] if not word.startswith("-")):
            if f'output "{name}"' not in text:
                return f"no output {name}"
    for option, value in zip(words, [*words[1:], ""], strict=True):
        file = re.fullmatch(r"-(?:var-file|backend-config)=(.+\.(?:tfvars|hcl))", option)
        if file and "$" not in file[1] and not (folder / file[1]).exists() and "environments/" not in file[1]:
            return f"no file {file[1]}"
        variable = (value if option == "-var" else option.removeprefix("-var=")).partition("=")[0]
        if (option == "-var" or option.startswith("-var=")) and f'variable "{variable}"' not in text:
            return f"no variable {variable}"
    return None


def python(words: list[str]) -> str | None:
    """The script or module."""
    while words and words[0] in {"-I", "-u", "-W", "error"}:
        words.pop(0)
    if words[:1] == ["-m"]:
        return None if importlib.util.find_spec(words[1]) or words[1] == "venv" else f"no module {words[1]}"
    if not words or words[0] in {"-c", "-"} or words[0].startswith("-"):
        return None
    path = ROOT / words[0]
    return None if path.is_file() or (path / "__main__.py").is_file() else f"no program {words[0]}"


def aws(words: list[str], *, whole: bool) -> str | None:
    """The operation by the SDK's own description of the service: its name, its options, and those that it needs."""
    while len(words) > 1 and words[0].startswith("--"):
        words = words[1 if "=" in words[0] else 2 :]
    if len(words) < 2 or tuple(words[:2]) in _AWS_OWN or words[:2] == ["sts", "get-caller-identity"]:
        return None
    service, operation, *rest = words
    service = {"s3api": "s3"}.get(service, service)
    if operation == "wait":
        return None
    try:
        model = _AWS.get_service_model(service)
    except UnknownServiceError:
        return f"no service {service}"
    shapes = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in shapes:
        return f"{service} has no {operation}"
    shape = model.operation_model(shapes[operation]).input_shape
    members = {xform_name(name, "-"): name for name in (shape.members if shape else ())}
    given = {word.removeprefix("--").partition("=")[0] for word in rest if word.startswith("--")}
    given = {name if name in members or name in _AWS_GLOBAL else name.removeprefix("no-") for name in given}
    unknown = given - set(members) - _AWS_GLOBAL
    if unknown:
        return f"{service} {operation} has no {', '.join(sorted(unknown))}"
    lacking = {name for name, member in members.items() if shape and member in shape.required_members} - given
    return f"{service} {operation} needs {', '.join(sorted(lacking))}" if whole and lacking else None


def compose(words: list[str]) -> str | None:
    """Profiles and services that the compose file has."""
    profiles = {profile for service in COMPOSE["services"].values() for profile in service.get("profiles", ())}
    for option, value in zip(words, [*words[1:], ""], strict=True):
        if option == "--profile" and value not in profiles:
            return f"no profile {value}"
        if option == "--scale" and value.partition("=")[0] not in COMPOSE["services"]:
            return f"no service {value}"
    verbs = [at for at, word in enumerate(words) if word in {"stop", "start", "restart", "logs", "exec", "kill", "run"}]
    named = [word for word in words[verbs[0] + 1 :] if not word.startswith("-")] if verbs else []
    named = [word for word in named if word not in {"KILL", "SIGKILL", "SIGTERM"}][:1]
    return f"no service {named[0]}" if named and named[0] not in COMPOSE["services"] else None


def fault(command: Command) -> str | None:
    """What is wrong with a command; None for nothing."""
    program, words = command.words[0].rsplit("/", 1)[-1], list(command.words[1:])
    if any("…" in word for word in words) and not command.in_block:
        return None
    match program:
        case "etl":
            return etl(words, whole=command.in_block)
        case "shardline":
            return shardline(words, whole=command.in_block)
        case "make":
            return make(words)
        case "terraform":
            return terraform(words)
        case "python" | "python3":
            needs = bool(words) and words[0].startswith(("tests/", "examples/"))
            return "wants .venv/bin/python" if needs and "/" not in command.words[0] else python(words)
        case "aws":
            return aws(words, whole=command.in_block)
        case "docker" | "docker-compose" if program == "docker-compose" or words[:1] == ["compose"]:
            return compose(words[program == "docker" :])
        case _ if program in SERVICES:
            return None if set(words) <= {"--help", "--check"} else "services take --help and --check alone"
        case _ if program in ELSEWHERE or (ROOT / command.words[0]).is_file():
            return None
        case _:
            return "no program that this test knows"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_of_a_page_is_taken(page: Path) -> None:
    """Subcommands, options, arguments, targets, outputs, operations of AWS and scripts exist."""
    text = page.read_text()
    own = functions(text)
    found = [command for command in commands(text, CHECKED) if command.words[0] not in own]
    wrong = {" ".join(command.words): cause for command in found if (cause := fault(command))}
    _COUNTED.update(command.words[0].rsplit("/", 1)[-1] for command in found)
    assert not wrong


def test_there_are_many(capsys: pytest.CaptureFixture[str]) -> None:
    """The pages are read as they should be; says how many commands were checked."""
    if not _COUNTED:
        pytest.skip("counts what the tests above have read")
    with capsys.disabled():
        told = ", ".join(f"{name} {count}" for name, count in _COUNTED.most_common() if name in CHECKED)
        print(f"\ncommands in the documents: {_COUNTED.total()} ({told})")
    assert _COUNTED["etl"] >= 30
    assert _COUNTED["aws"] >= 8


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("etl stat", "no command"),
        ("etl demo --fast", "No such option"),
        ("etl state rewind --to 2026-01-01T00:00:00Z", "Missing option"),
        ("shardline lag raw", "not taken"),
        ("make demmo", "no target"),
        ("make demo SPEED=9", "no target reads"),
        ("terraform -chdir=infra output -raw url", "no output"),
        ("terraform -chdir=infra plan -var colour=red", "no variable"),
        ("python functions/packages", "no program"),
        ("python tests/performance/enrich", "wants .venv/bin/python"),
        ("aws kinesis update-shard-count --stream raw", "has no stream"),
        ("aws kinesis update-shard-count --stream-name raw", "needs scaling-type"),
        ("docker compose --profile demos up", "no profile"),
        ("enricher --now", "services take"),
        ("kubectl get pods", "no program"),
    ],
)
def test_a_wrong_command_is_found(line: str, cause: str) -> None:
    """So the test above can fail."""
    (command,) = commands(f"```sh\n{line}\n```\n", CHECKED)
    assert cause in (fault(command) or "")


def test_commands_are_found_within_lines_and_blocks() -> None:
    """Continued lines, loops, substitutions, pipes, comments and quotes are read as a shell reads them."""
    page = """Say `etl status`.

```sh
A=$(aws sts get-caller-identity --query Account --output text)   # who
for kind in a b; do shardline leases x-$kind; done
curl -d '{"a": "b; c"}' "$URL" | etl send - \\
  --stack two
```

    make test > log
"""
    assert [command.words for command in commands(page, CHECKED)] == [
        ("aws", "sts", "get-caller-identity", "--query", "Account", "--output", "text"),
        ("shardline", "leases", "x-$kind"),
        ("curl", "-d", '{"a": "b; c"}', "$URL"),
        ("etl", "send", "-", "--stack", "two"),
        ("make", "test"),
        ("etl", "status"),
    ]
