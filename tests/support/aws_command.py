"""`aws SERVICE OPERATION --option value` for machines without the AWS CLI: the operations of the SDK by its own models.

Takes plain options, `wait`, and `--query` with `--output text`; addresses and credentials come from the environment.
"""

import json
import sys
from pathlib import Path
from typing import Any

import jmespath
from botocore import xform_name
from botocore.session import Session


def arguments(words: list[str], shape: Any) -> dict[str, Any]:
    """Options as the operation's parameters, typed by its model."""
    members = {xform_name(name, "-"): name for name in (shape.members if shape else ())}
    found: dict[str, Any] = {}
    for option in (word for word in words if word.startswith("--")):
        name = option.removeprefix("--")
        at = words.index(option) + 1
        value = words[at] if at < len(words) and not words[at].startswith("--") else None
        if name in members:
            kind = shape.members[members[name]].type_name
            convert = {
                "integer": int,
                "long": int,
                "boolean": lambda text: text != "false",
                "list": lambda text: [text],
            }
            found[members[name]] = True if value is None else convert.get(kind, str)(value)
    return found


def run(words: list[str]) -> None:
    """Call, and print the answer as the AWS CLI would."""
    query = words[words.index("--query") + 1] if "--query" in words else None
    service, operation, *rest = words
    client = Session().create_client({"s3api": "s3"}.get(service, service))
    if operation == "wait":
        waiter = client.get_waiter(xform_name(rest[0]).replace("-", "_"))
        waiter.wait(**arguments(rest, client.meta.service_model.operation_model(waiter.config.operation).input_shape))
        return
    model = client.meta.service_model.operation_model(
        {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}[operation]
    )
    answer = getattr(client, operation.replace("-", "_"))(**arguments(rest, model.input_shape))
    answer.pop("ResponseMetadata", None)
    if "Body" in answer:
        # The CLI writes the body of an object to the file that is named last.
        Path(rest[-1]).write_bytes(answer.pop("Body").read())
    found = jmespath.search(query, answer) if query else answer
    print(found if query and "text" in words else json.dumps(found, default=str, indent=4))


if __name__ == "__main__":
    run(sys.argv[1:])
