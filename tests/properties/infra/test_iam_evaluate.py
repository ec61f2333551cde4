"""Laws of IAM's decisions that hold for every policy."""

import fnmatch
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from iam_simulation.evaluate import Request, action_matches, decide

NAMES = ("Get", "Put", "List")
actions = st.sampled_from([f"{service}:{name}" for service in ("s3", "kms") for name in NAMES])
patterns = st.one_of(actions, st.sampled_from(["*", "s3:*", "kms:G*", "s3:???"]))
arns = st.sampled_from([f"arn:aws:{service}:r:1:{name}" for service in ("s3", "kms") for name in ("a", "b")])
resources = st.one_of(arns, st.sampled_from(["*", "arn:aws:s3:r:1:*", "arn:aws:*:r:1:a"]))
conditions = st.sampled_from(
    [{}, {"StringEquals": {"k": "1"}}, {"StringNotEquals": {"k": "1"}}, {"StringLikeIfExists": {"k": "?"}}]
)
contexts = st.sampled_from([{}, {"k": "1"}, {"k": "22"}])


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None) -> dict[str, Any]:
    return {
        "Effect": effect or draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "NotAction"])): draw(st.lists(patterns, min_size=1, max_size=3)),
        "Resource": draw(st.lists(resources, min_size=1, max_size=3)),
        "Condition": draw(conditions),
    }


def document(several: list[dict[str, Any]]) -> str:
    return json.dumps({"Statement": several})


requests = st.builds(Request, actions, arns, contexts)
policies = st.lists(statements(), max_size=5)


@given(policies, statements("Deny"), requests)
def test_another_deny_allows_nothing_more(several: list[dict[str, Any]], deny: dict[str, Any], asked: Request) -> None:
    """What is allowed with it was allowed without it."""
    if decide([document([*several, deny])], asked) == "allowed":
        assert decide([document(several)], asked) == "allowed"


@given(policies, statements("Allow"), requests)
def test_another_allow_denies_nothing(several: list[dict[str, Any]], more: dict[str, Any], asked: Request) -> None:
    """What was allowed stays so, and an explicit deny stays one."""
    before, after = decide([document(several)], asked), decide([document([*several, more])], asked)
    assert before in (after, "denied")


@given(policies, requests, st.randoms(use_true_random=False))
def test_order_and_division_into_policies_do_not_matter(
    several: list[dict[str, Any]], asked: Request, random: Any
) -> None:
    """One policy, or one for each statement in any order: the same decision."""
    apart = [document([statement]) for statement in several]
    random.shuffle(apart)
    assert decide(apart, asked) == decide([document(several)], asked)


@given(st.text("abAB:*?", max_size=8), st.text("abAB:", max_size=8))
def test_wildcards_are_those_of_a_shell(pattern: str, action: str) -> None:
    """* and ? match as an independent implementation says, in any case."""
    assert action_matches(pattern, action) is fnmatch.fnmatchcase(action.lower(), pattern.lower())
