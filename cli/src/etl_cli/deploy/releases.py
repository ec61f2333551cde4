"""What was deployed and found good, newest first: what a rollback goes back to. Pure.

Kept as JSON in a parameter of SSM, whose values end at 4 KiB:
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from etl_cli.deploy import DeployFailed

_MAX_CHARACTERS = 4096
_MAX_RELEASES = 10


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the software: digests of images by service, and when it was found good (ISO 8601, UTC)."""

    version: str
    digests: Mapping[str, str]
    at: str = ""


def parse(text: str) -> tuple[Release, ...]:
    """The releases in a parameter's value. Raises DeployFailed."""
    try:
        return tuple(Release(each["version"], dict(each["digests"]), each["at"]) for each in json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise DeployFailed(f"the parameter of the releases is none of `etl deploy`'s: {error}; delete it") from error


def written(history: Sequence[Release]) -> str:
    """As a parameter's value: as many as it holds, oldest left out."""
    kept = [asdict(release) for release in history[:_MAX_RELEASES]]
    while len(text := json.dumps(kept, separators=(",", ":"))) > _MAX_CHARACTERS:
        kept.pop()
    return text


def recorded(history: Sequence[Release], release: Release) -> tuple[Release, ...]:
    """The history after a release was found good. One that was there before makes those after it forgotten.

    So a second rollback goes further back, and not forward to what the first one left.
    """
    for index, earlier in enumerate(history):
        if earlier.digests == release.digests:
            return (release, *history[index + 1 :])
    return (release, *history)


def previous(history: Sequence[Release], running: Mapping[str, str]) -> Release:
    """What to go back to from the digests that are configured now. Raises DeployFailed where there is nothing.

    Where those are not the newest good release, the latest deployment was not found good, and that release is it.
    """
    if history and dict(history[0].digests) != dict(running):
        return history[0]
    if len(history) > 1:
        return history[1]
    raise DeployFailed(
        "there is no earlier release to go back to: name one of the registry with --version, or a file with --images"
    )


def digest_of(image: str) -> str | None:
    """The digest in an image's name; None for one by tag."""
    _, mark, digest = image.partition("@")
    return digest if mark else None


def image_file(text: str) -> Release:
    """The release in a file that `etl images build` wrote. Raises DeployFailed."""
    try:
        told = json.loads(text)
        return Release(str(told["version"]), {str(name): str(digest) for name, digest in told["digests"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeployFailed(f"--images wants a file that `etl images build --output FILE` wrote: {error!r}") from error
