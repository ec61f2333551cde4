"""The shell commands of Markdown pages, as the words that a shell would run. Pure."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:\A|\n[ \t]*\n)((?:(?: {4}|\t)[^\n]*(?:\n[ \t]*(?=\n {4}))*\n)+)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SHELLS = {"sh", "bash", "shell"}
_OPENING = {"do", "then", "else", "if", "while", "!", "time", "eval", "nice", "export", "{", "}"}
_FUNCTION = re.compile(r"[A-Za-z_]\w*\(\)")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its words without quotes, and whether it stood in a block (else in a line of text)."""

    words: tuple[str, ...]
    in_block: bool


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Shell blocks as (info string, text): fenced ones that say so, and indented ones."""
    for fence in _FENCE.finditer(page):
        info = fence["info"].split()
        if info and info[0] in _SHELLS:
            yield fence["info"], fence["body"]
    for match in _INDENTED.finditer(_FENCE.sub("", page)):
        yield "", re.sub(r"^(?: {4}|\t)", "", match[1], flags=re.MULTILINE)


def functions(page: str) -> frozenset[str]:
    """Names of the shell functions that a page's blocks define."""
    text = "\n".join(block for _, block in blocks(page))
    return frozenset(re.findall(r"^([A-Za-z_]\w*)\(\) *{", text, flags=re.MULTILINE))


def spans(page: str) -> list[str]:
    """What stands between single backquotes, outside of blocks."""
    return _SPAN.findall(_FENCE.sub("", page))


def simple_commands(script: str) -> Iterator[tuple[str, ...]]:
    """Every simple command of a script, those inside `$(…)` too, without comments, assignments and keywords."""
    for text in _split(script):
        yield from (inner for nested in _substitutions(text) for inner in simple_commands(nested))
        words = shlex.split(_without_redirections(text))
        while words and (words[0] in _OPENING or _ASSIGNMENT.fullmatch(words[0]) or _FUNCTION.fullmatch(words[0])):
            words.pop(0)
        if words and words[0] not in {"for", "done", "fi", "cd", "VALUE"}:
            yield tuple(words)


def _split(script: str) -> Iterator[str]:
    """At ends of lines, `;`, `|`, `&` and brackets, but not within quotes or `$(…)`."""
    current, quote, depth, at = "", "", 0, 0
    script = script.replace("\\\n", " ") + "\n"
    while at < len(script):
        char, at = script[at], at + 1
        if quote:
            quote = "" if char == quote else quote
        elif char == "#" and (not current or current[-1].isspace()):
            at = script.index("\n", at)
            continue
        elif char in "'\"" and not (char == "'" and depth):
            quote = char
        elif current.endswith("$") and char == "(":
            depth += 1
        elif depth:
            depth -= char == ")"
        elif char in "\n;|&":
            if current.strip():
                yield current.strip()
            current = ""
            continue
        current += char


def _substitutions(text: str) -> list[str]:
    return re.findall(r"\$\(([^()]*)\)", text)


def _without_redirections(text: str) -> str:
    return re.sub(r"\s\d?>{1,2}\s*&?[\w./$-]+|\s<\s*[\w./$-]+", " ", re.sub(r"\$\([^()]*\)", "VALUE", text))


def commands(page: str, programs: frozenset[str]) -> Iterator[Command]:
    """The commands of a page's shell blocks, and those of `programs` (by their last name) in its text."""
    for info, block in blocks(page):
        if info or _looks_like_shell(block, programs):
            yield from (Command(words, in_block=True) for words in simple_commands(block))
    for span in spans(page):
        first = span.split()[0].rsplit("/", 1)[-1] if span.split() else ""
        if first in programs and not re.match(r"\S+ =", span):
            try:
                yield from (Command(words, in_block=False) for words in simple_commands(span))
            except ValueError:
                continue  # half a quotation is no command


def _looks_like_shell(block: str, programs: frozenset[str]) -> bool:
    """An indented block is one where its first word is a program, an assignment or `export`."""
    first = block.strip().split()[0] if block.strip() else ""
    return first.rsplit("/", 1)[-1] in programs | {"export", "for"} or bool(re.fullmatch(r"[A-Z_]+=\S*", first))
