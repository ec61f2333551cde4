"""When a quiet shard stops holding windows back."""

from aggregator.silence import Policy, Silence, Verdict


def silence(flush: float | None = None) -> Silence:
    quiet = Silence(Policy(idle_seconds=10, flush_seconds=flush))
    for shard in "ab":
        quiet.started(shard, 0)
    return quiet


def test_a_shard_is_idle_once_a_heartbeat_proves_its_silence() -> None:
    quiet = silence()
    quiet.heard("a", 5, records=3, millis_behind=0)
    quiet.heard("b", 14, records=0, millis_behind=0)
    quiet.heard("a", 14, records=0, millis_behind=0)
    assert quiet.judge("ab") == Verdict(frozenset("b"))


def test_without_heartbeats_there_is_no_silence() -> None:
    """A broken connection tells nothing, however long it lasts."""
    quiet = silence()
    quiet.heard("a", 5, records=0, millis_behind=0)
    assert quiet.judge("ab") == Verdict()


def test_a_shard_with_more_to_read_is_not_idle() -> None:
    quiet = silence()
    quiet.heard("a", 60, records=0, millis_behind=1)
    assert quiet.judge("ab") == Verdict()


def test_when_all_are_idle_time_goes_on_by_the_shortest_silence() -> None:
    quiet = silence(flush=20)
    quiet.heard("a", 2, records=1, millis_behind=0)
    for shard in "ab":
        quiet.heard(shard, 15, records=0, millis_behind=0)
    assert quiet.judge("ab") == Verdict(frozenset("ab"), 13)
    for shard in "ab":
        quiet.heard(shard, 22, records=0, millis_behind=0)
    assert quiet.judge("ab") == Verdict(frozenset("ab"), 20, flush=True)


def test_a_shard_that_is_not_read_here_holds_everything_back() -> None:
    """Events may wait in a shard that is known but not yet taken."""
    quiet = silence(flush=20)
    for shard in "ab":
        quiet.heard(shard, 60, records=0, millis_behind=0)
    assert quiet.judge("abc") == Verdict(frozenset("ab"))
    quiet.left("b")
    assert quiet.judge("ab") == Verdict(frozenset("a"))
