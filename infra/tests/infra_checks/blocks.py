"""Reads the `variable` and `output` blocks of Terraform files: names, and attributes as they are written.

Enough of HCL's native syntax for that: strings with templates, heredocs, comments, brackets.
https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = re.compile(r'^(variable|output)\s+"([^"]+)"\s*\{', re.MULTILINE)
_ATTRIBUTE = re.compile(r"[ \t]*([A-Za-z_][\w-]*)[ \t]*=[ \t]*")
_NESTED = re.compile(r"[ \t]*[A-Za-z_][\w-]*(?:[ \t]+\"[^\"]*\")*[ \t]*\{")
_HEREDOC = re.compile(r"<<(-?)([A-Za-z_]\w*)[^\n]*\n(.*?)\n[ \t]*\2[ \t]*(?=\n|$)", re.DOTALL)
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "$${": "${"}


@dataclass(frozen=True, slots=True)
class Block:
    """A variable or an output, with the source text of its own attributes."""

    kind: str
    name: str
    attributes: dict[str, str]

    @property
    def description(self) -> str:
        """Its description, in one paragraph; empty where there is none."""
        return " ".join(literal(self.attributes.get("description", '""')).split())


def blocks(source: str) -> Iterator[Block]:
    """The variables and outputs in the text of a file, in its order."""
    for header in _HEADER.finditer(source):
        end = _skip(source, header.end() - 1)
        yield Block(header[1], header[2], _attributes(source[header.end() : end - 1]))


def literal(text: str) -> str:
    """What a quoted string or a heredoc without templates stands for."""
    heredoc = _HEREDOC.match(text)
    if heredoc:
        return textwrap.dedent(heredoc[3]) if heredoc[1] else heredoc[3]
    return re.sub(r'\\"|\\\\|\\n|\$\$\{', lambda escape: _ESCAPES[escape[0]], text.strip()[1:-1])


def _attributes(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(body):
        end = body.find("\n", place)
        end = len(body) if end < 0 else end
        attribute = _ATTRIBUTE.match(body, place)
        nested = _NESTED.match(body, place)
        if attribute:
            value_end = _value_end(body, attribute.end())
            found[attribute[1]] = body[attribute.end() : value_end].strip()
            place = value_end
        elif nested:
            place = _skip(body, nested.end() - 1)
        else:
            place = end + 1
    return found


def _value_end(text: str, place: int) -> int:
    """Where an attribute's value ends: at the first end of line outside of brackets, strings and heredocs."""
    while place < len(text) and text[place] != "\n":
        place = _step(text, place)
    return place


def _skip(text: str, place: int) -> int:
    """Behind the bracket that closes the one at `place`."""
    place += 1
    while place < len(text) and text[place] not in ")]}":
        place = _step(text, place)
    return place + 1


def _step(text: str, place: int) -> int:
    """Behind what stands at `place`: a bracket with all in it, a string, a heredoc, a comment or a character."""
    if text[place] in "([{":
        return _skip(text, place)
    if text[place] == '"':
        return _skip_string(text, place)
    if text[place] == "#" or text.startswith("//", place):
        end = text.find("\n", place)
        return len(text) if end < 0 else end
    heredoc = _HEREDOC.match(text, place)
    return heredoc.end() if heredoc else place + 1


def _skip_string(text: str, place: int) -> int:
    place += 1
    while text[place] != '"':
        if text.startswith("$${", place):
            place += 3
        elif text.startswith("${", place):
            place = _skip(text, place + 1)
        else:
            place += 2 if text[place] == "\\" else 1
    return place + 1
