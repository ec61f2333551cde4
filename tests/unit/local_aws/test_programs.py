from pathlib import Path

import pytest

from local_aws.programs import DependencyCycle, ProcessDied, Program, UnknownDependency, start_order, stop_order, tail


def program(name: str, *after: str) -> Program:
    return Program(name, [name], Path(name), {}, after=frozenset(after))


def names(waves: list[list[Program]]) -> list[set[str]]:
    return [{program.name for program in wave} for wave in waves]


def test_what_needs_nothing_starts_at_once_and_the_rest_after_it() -> None:
    """Waves start in parallel, each after all that it needs."""
    programs = [program("web", "database", "queue"), program("database"), program("queue"), program("proxy", "web")]
    assert names(start_order(programs)) == [{"database", "queue"}, {"web"}, {"proxy"}]


def test_programs_stop_before_what_they_need() -> None:
    """The order of stops is that of starts, reversed, also for some of them alone."""
    programs = [program("database"), program("web", "database"), program("proxy", "web")]
    assert names(stop_order(programs)) == [{"proxy"}, {"web"}, {"database"}]
    assert names(stop_order(programs[1:])) == [{"proxy"}, {"web"}]


def test_what_runs_already_is_no_obstacle() -> None:
    """A program may need one that was started before."""
    assert names(start_order([program("web", "database")], running=["database"])) == [{"web"}]


def test_an_unknown_need_and_a_circle_are_errors() -> None:
    """They are told before anything starts."""
    with pytest.raises(UnknownDependency, match="web waits for database"):
        start_order([program("web", "database")])
    with pytest.raises(DependencyCycle, match="a → b"):
        start_order([program("a", "b"), program("b", "a")])


def test_the_tail_of_a_log_begins_where_the_process_did(tmp_path: Path) -> None:
    """Lines of a former run and all but the last lines are left out; long lines are cut."""
    log = tmp_path / "log"
    log.write_text("former\n" + "".join(f"line {number}\n" for number in range(50)) + "x" * 1000 + "\n")
    assert tail(log, since=7, lines=2) == "line 49\n" + "x" * 300
    assert "former" not in tail(log, since=7, lines=100)
    assert tail(tmp_path / "none") == ""


def test_a_death_says_whether_it_was_a_signal() -> None:
    """Kill -9 and a failed exit are told apart."""
    assert "killed by signal 9" in str(ProcessDied("x", -9, Path("log"), ""))
    assert "exit status 3" in str(ProcessDied("x", 3, Path("log"), ""))
