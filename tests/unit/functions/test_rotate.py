"""Rotation of senders' keys: no moment in which a sender's key is unknown, wherever the function is broken off."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from rotate.keys import Sender, api_key, listed
from rotate.settings import Settings, SettingsInvalid, load
from rotate.steps import RotationFailed, World, rotate
from vault import Crash, Vault

from ingest_api.auth import find_key, parse_keys

SHOP = Sender("arn:shop", "shop", "acme")
BUS = Sender("arn:bus", "bus", "city")
LIST = "arn:list"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
SETTINGS = Settings({SHOP.secret: SHOP, BUS.secret: BUS}, LIST, 130.0, "https://ingest.example.com")


class Place:
    """Secrets Manager, a clock, an ingest API whose tasks read the list again within a minute, and two senders."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.waited: list[float] = []
        self.vault = Vault(lambda: self.now)
        for sender in (SHOP, BUS):
            self.vault.create(sender.secret, json.dumps({"sender": sender.name, "tenant": sender.tenant}))
        self.vault.create(LIST, "# none yet\n")
        self.probed: list[str] = []
        self.lagging: str | None = None
        self._keys = (f"key-{number}" for number in count(1))
        self.world = World(self.vault, lambda: next(self._keys), lambda: self.now, self._sleep, self._probe)

    def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    def _probe(self, url: str, key: str) -> int:
        self.probed.append(key)
        text = self.lagging if self.lagging is not None else self.vault.text(LIST)
        return 400 if find_key(parse_keys(text), key) else 403

    def rotated(self, sender: Sender, token: str) -> None:
        self.vault.begin(sender.secret, token)
        for step in STEPS:
            rotate(step, sender, token, SETTINGS, self.world)

    def key(self, sender: Sender, stage: str = "AWSCURRENT") -> str | None:
        return api_key(self.vault.text(sender.secret, stage))

    def knows(self, key: str | None) -> bool:
        return key is not None and find_key(parse_keys(self.vault.text(LIST)), key) is not None


def test_the_former_key_stays_valid_until_the_next_rotation() -> None:
    """So that senders have a whole interval to read the new one."""
    place = Place()
    place.rotated(SHOP, "t1")
    first = place.key(SHOP)
    place.rotated(SHOP, "t2")
    second = place.key(SHOP)
    assert first != second
    assert place.knows(first)
    assert place.knows(second)
    place.rotated(SHOP, "t3")
    assert not place.knows(first)
    assert place.knows(second)
    assert place.knows(place.key(SHOP))


def test_a_rotation_leaves_other_senders_alone() -> None:
    """One list holds them all."""
    place = Place()
    place.rotated(BUS, "b1")
    bus = place.key(BUS)
    place.rotated(SHOP, "t1")
    place.rotated(SHOP, "t2")
    assert place.knows(bus)
    names = [key.name for key in parse_keys(place.vault.text(LIST))]
    assert sorted(names) == ["bus", "shop", "shop"]


def test_the_key_is_in_force_only_once_every_task_has_had_time_to_read_it() -> None:
    """The wait counts from the list's writing, and the API is asked before senders are."""
    place = Place()
    place.rotated(SHOP, "t1")
    assert place.waited == []
    assert place.probed == []
    place.rotated(SHOP, "t2")
    assert place.waited == [130.0]
    assert set(place.probed) == {place.key(SHOP)}


def test_a_task_that_does_not_know_the_key_stops_the_rotation() -> None:
    """The key in use stays."""
    place = Place()
    place.rotated(SHOP, "t1")
    former = place.key(SHOP)
    place.lagging = place.vault.text(LIST)
    with pytest.raises(RotationFailed, match="403"):
        place.rotated(SHOP, "t2")
    assert place.key(SHOP) == former
    assert place.knows(former)
    place.lagging = None
    for step in STEPS:
        rotate(step, SHOP, "t2", SETTINGS, place.world)
    assert place.key(SHOP) != former


def calls() -> int:
    """How many calls of Secrets Manager one rotation makes."""
    place, made = Place(), []
    place.rotated(SHOP, "t1")
    place.vault.before = made.append
    place.rotated(SHOP, "t2")
    return len(made)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(calls()))
@pytest.mark.parametrize("again", ["the step", "from the start"])
def test_broken_off_at_any_call_it_ends_well_and_locks_nobody_out(when: str, number: int, again: str) -> None:
    """Of the calls of a rotation each in turn is the last, with its effect or without; then Secrets Manager repeats."""
    place = Place()
    place.rotated(BUS, "b1")
    place.rotated(SHOP, "t1")
    first, bus = place.key(SHOP), place.key(BUS)
    counted: Iterator[int] = iter(range(number + 1))

    def crash(_name: str) -> None:
        if next(counted, None) == number:
            raise Crash

    def check(_name: str) -> None:
        assert place.knows(place.key(SHOP)), "a sender reads a key that is unknown"
        assert place.knows(bus)

    setattr(place.vault, when, crash)
    place.vault.begin(SHOP.secret, "t2")
    left = list(STEPS)
    try:
        while left:
            rotate(left[0], SHOP, "t2", SETTINGS, place.world)
            left.pop(0)
    except Crash:
        pass
    else:
        pytest.fail("no call was the last")
    check("")
    place.vault.before = place.vault.after = check
    for step in left if again == "the step" else STEPS:
        rotate(step, SHOP, "t2", SETTINGS, place.world)
    assert place.knows(first)
    assert place.knows(place.key(SHOP))
    assert place.key(SHOP) != first
    assert [key.name for key in parse_keys(place.vault.text(LIST))].count("shop") == 2


def test_a_list_that_another_rotation_changed_meanwhile_is_read_again() -> None:
    """Two rotations at once keep both their keys."""
    place = Place()
    place.vault.begin(SHOP.secret, "t1")
    place.vault.begin(BUS.secret, "b1")
    for sender, token in ((SHOP, "t1"), (BUS, "b1")):
        rotate("createSecret", sender, token, SETTINGS, place.world)

    def meanwhile(name: str) -> None:
        if name == "put_secret_value":
            place.vault.before = lambda _name: None
            rotate("setSecret", BUS, "b1", SETTINGS, place.world)

    place.vault.before = meanwhile
    rotate("setSecret", SHOP, "t1", SETTINGS, place.world)
    assert place.knows(place.key(SHOP, "AWSPENDING"))
    assert place.knows(place.key(BUS, "AWSPENDING"))


def test_a_cancelled_rotation_does_nothing() -> None:
    """A version that lost AWSPENDING is not brought into force."""
    place = Place()
    place.vault.begin(SHOP.secret, "t1")
    place.vault.begin(SHOP.secret, "t2")
    with pytest.raises(RotationFailed, match="no version t1"):
        rotate("createSecret", SHOP, "t1", SETTINGS, place.world)


def test_a_step_out_of_turn_is_refused() -> None:
    """Nothing is listed or tested of a key that is not there."""
    place = Place()
    place.vault.begin(SHOP.secret, "t1")
    with pytest.raises(RotationFailed, match="createSecret has to come first"):
        rotate("setSecret", SHOP, "t1", SETTINGS, place.world)
    rotate("createSecret", SHOP, "t1", SETTINGS, place.world)
    with pytest.raises(RotationFailed, match="setSecret has to come first"):
        rotate("testSecret", SHOP, "t1", SETTINGS, place.world)


def test_the_list_is_one_that_the_ingest_api_takes() -> None:
    """By its own parser, with what others wrote into it kept."""
    text = listed(f"# by hand\nbus:city:{'0' * 64}\n", SHOP, ["a", "b"])
    assert [(key.name, key.tenant) for key in parse_keys(text)] == [("bus", "city"), ("shop", "acme"), ("shop", "acme")]
    assert listed(text, SHOP, ["b", "a"]) == text


def test_settings_name_all_that_is_wrong() -> None:
    """One start tells everything."""
    with pytest.raises(SettingsInvalid) as raised:
        load({"ROTATE_SENDERS": '[{"secret": "s"}]', "ROTATE_SETTLE_SECONDS": "x", "ROTATE_INGEST_URL": "ftp://x"})
    for name in ("ROTATE_SENDERS", "ROTATE_LIST_SECRET", "ROTATE_SETTLE_SECONDS", "ROTATE_INGEST_URL"):
        assert name in str(raised.value)
    given = json.dumps([{"secret": "s", "name": "shop", "tenant": "acme"}])
    settings = load({"ROTATE_SENDERS": given, "ROTATE_LIST_SECRET": LIST})
    assert settings.senders["s"] == Sender("s", "shop", "acme")
    assert settings.ingest_url is None
