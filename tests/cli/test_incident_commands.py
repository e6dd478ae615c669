"""The life of an incident from the command line, on a real Temporal and a real worker."""

import json
from pathlib import Path

import pytest

from firedoor.config import local_user
from firedoor.errors import Exit
from tests.cli.conftest import Cli, approved, until

pytestmark = pytest.mark.usefixtures("served")


def state_of(cli: Cli, incident: str, step: str) -> str:
    """A step's state, as `show -o json` has it."""
    view = json.loads(cli("show", incident, "-o", "json").out)
    return str(next(one["state"] for one in view["steps"] if one["id"] == step))


def started(cli: Cli, door: str, runbook: str = "close-the-door") -> str:
    """Start an incident that waits at its gate."""
    done = cli("run", runbook, f"door={door}", "--yes", "-o", "json")
    assert done.code == 0, done.err
    incident = str(json.loads(done.out)["incident"])
    until(lambda: state_of(cli, incident, "gate") == "waiting_approval")
    return incident


def test_from_the_start_to_the_record(cli: Cli, tmp_path: Path) -> None:
    """Approve, answer, fail, retry, skip; then the timeline has it all and its export verifies."""
    incident = started(cli, "front")
    shown = cli("show", "front").out
    assert "? gate" in shown
    assert "firedoor approve front gate" in shown

    assert approved(cli, "front", "gate").out.endswith("gate is approved.\n")
    until(lambda: state_of(cli, incident, "question") == "waiting_answer")
    assert cli("answer", "front", "question", "shut=yes", "hinges=2").code == 0
    until(lambda: state_of(cli, incident, "key") == "needs_attention")

    stands = cli("show", "front", "--exit-status")
    assert stands.code == Exit.NEEDS_ATTENTION
    assert "credentials_missing" in stands.out
    assert "firedoor retry front key" in stands.out
    assert cli("retry", "front", "key", "--reason", "once more").out == "key runs again.\n"
    until(lambda: state_of(cli, incident, "key") == "needs_attention")
    assert cli("note", "front", "the", "locksmith", "comes").code == 0
    assert cli("skip", "front", "key", "--reason", "no AWS here").out.startswith("key is skipped.")

    watched = cli("watch", "front")
    assert watched.code == 0
    assert "key  skipped" in watched.out
    assert "completed" in watched.out

    record = cli("timeline", "front").out
    assert "the locksmith comes" in record
    assert "no AWS here" in record
    export = tmp_path / "front.zip"
    written = json.loads(cli("export", "front", str(export), "--purpose", "a test", "-o", "json").out)
    verified = cli("verify", str(export), "--key", written["key"])
    assert verified.code == 0, verified.err
    assert "UNANCHORED" in verified.out
    assert "✓ VERIFIED" in verified.out
    assert "exported for a test" in cli("timeline", "front").out


def test_an_export_with_one_changed_byte_fails(cli: Cli, tmp_path: Path) -> None:
    """And the exit code says so, in text and in JSON."""
    incident = started(cli, "altered")
    export = tmp_path / "altered.zip"
    assert cli("export", incident, str(export)).code == 0
    data = bytearray(export.read_bytes())
    data[len(data) // 2] ^= 1
    export.write_bytes(data)
    verified = cli("verify", str(export))
    assert verified.code == Exit.FAILED
    assert "✗ FAILED" in verified.out
    assert "this installation's own" in verified.out
    assert json.loads(cli("verify", str(export), "-o", "json").out)["ok"] is False


def test_starting_twice_is_joining(cli: Cli) -> None:
    """The same identity is the same incident, and the second start says so."""
    started(cli, "twice")
    again = cli("run", "close-the-door", "door=twice", "hard=yes", "--yes")
    assert "Joined the incident that is running already: close-the-door-twice" in again.out
    assert "firedoor watch    twice" in again.out


def test_run_shows_the_plan_before_it_asks(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal only the word yes starts it; elsewhere nothing starts without --yes."""
    unasked = cli("run", "close-the-door", "door=back")
    assert unasked.code == Exit.REFUSED
    assert "Close the door" in unasked.err
    assert "nobody to ask" in unasked.err
    monkeypatch.setattr("firedoor.cli.run.interactive", lambda: True)
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    refused = cli("run", "close-the-door", "door=back")
    assert refused.code == Exit.REFUSED
    assert "that was not the word yes" in refused.err
    assert "close-the-door-back" not in cli("list").out
    monkeypatch.setattr("builtins.input", lambda *_: "yes")
    assert "Started: close-the-door-back" in cli("run", "close-the-door", "door=back").out


def test_plan_changes_nothing_and_says_what_it_could_not_read(cli: Cli, tmp_path: Path) -> None:
    """Without credentials the read fails: the plan is incomplete, exit code 6, and no incident exists."""
    saved = tmp_path / "plan.json"
    done = cli("plan", "close-the-door", "door=planned", "--save", str(saved))
    assert done.code == Exit.NEEDS_ATTENTION
    assert "these could not be read: key" in done.out
    assert "Nothing was changed: this was a plan." in done.out
    assert json.loads(saved.read_bytes())["plan"]["name"] == "close-the-door"
    document = json.loads(cli("plan", "close-the-door", "door=planned", "-o", "json").out)
    assert document["incomplete"] == ["key"]
    assert document["plan"]["name"] == "close-the-door"
    assert "planned" not in cli("list").out


def test_what_the_rules_forbid_is_refused(cli: Cli) -> None:
    """With the rule, what was changed (nothing), and exit code 5."""
    started(cli, "guarded-door", "guarded")
    refused = approved(cli, "guarded-door", "gate")
    assert refused.code == Exit.REFUSED
    assert f"{local_user()} is not in others: it takes one of user:somebody-else." in refused.err
    assert "Nothing was changed." in refused.err
    assert cli("retry", "guarded-door", "gate").code == Exit.REFUSED
    assert cli("answer", "guarded-door", "gate", "x=1").code == Exit.REFUSED
    assert cli("deny", "guarded-door", "gate", "--reason", "no").code == Exit.REFUSED
    assert "has no step 'nothing'" in cli("approve", "guarded-door", "nothing").err


def test_deny_and_abort(cli: Cli) -> None:
    """A denied step needs attention; an aborted incident ends, and watching it says so by its exit code."""
    incident = started(cli, "denied")
    assert "gate is denied" in cli("deny", incident, "gate", "--reason", "not tonight", "-o", "json").out
    until(lambda: state_of(cli, incident, "gate") == "needs_attention")
    assert "not tonight" in cli("show", incident).out
    assert cli("abort", incident, "--reason", "a drill").code == 0
    watched = cli("watch", incident, "-o", "json")
    assert watched.code == Exit.FAILED
    assert json.loads(watched.out.splitlines()[-1])["state"] == "aborted"
    assert "✗ Aborted by" in cli("show", incident).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["shut=perhaps"], "shut is yes or no, not 'perhaps'"),
        (["shut=yes", "hinges=two"], "hinges is a whole number, not 'two'"),
        (["shot=yes"], "shot is not a field of this question"),
        (["shut"], "'shut' is not field=value"),
        (["shut=yes", "shut=no"], "The field shut is given twice"),
    ],
)
def test_answers_that_do_not_fit(cli: Cli, words: list[str], sentence: str) -> None:
    """Are refused before they reach the incident, with what fits."""
    door = f"answers-{len(sentence)}"
    incident = started(cli, door)
    approved(cli, incident, "gate")
    until(lambda: state_of(cli, incident, "question") == "waiting_answer")
    done = cli("answer", incident, "question", *words)
    assert done.code == Exit.USAGE
    assert sentence in done.err


def test_missing_answers_are_asked_for_on_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again until they fit; an optional one may be left out."""
    incident = started(cli, "asked")
    approved(cli, "asked", "gate")
    until(lambda: state_of(cli, incident, "question") == "waiting_answer")
    typed = iter(["perhaps", "yes", ""])
    monkeypatch.setattr("firedoor.cli.answer.interactive", lambda: True)
    monkeypatch.setattr("builtins.input", lambda *_: next(typed))
    done = cli("answer", "asked", "question")
    assert done.out == "question is answered.\n"
    assert "Is it shut?" in done.err
    assert "Is it shut (yes / no)" in done.err


def test_a_question_is_shown_with_what_it_takes(cli: Cli) -> None:
    """And what is shown answers nothing when it is pasted as it stands."""
    incident = started(cli, "formed")
    assert "waits for no answer: it is pending" in cli("answer", incident, "question", "shut=yes").err
    approved(cli, incident, "gate")
    until(lambda: state_of(cli, incident, "question") == "waiting_answer")
    assert "firedoor answer formed question shut='yes / no' [hinges='number']" in cli("show", incident).out
    assert cli("answer", incident, "question", "shut=yes / no", "[hinges=number]").code == Exit.USAGE
    assert state_of(cli, incident, "question") == "waiting_answer"


def test_the_form_of_an_answer_comes_with_the_incident(cli: Cli, served: Path) -> None:
    """The runbook was changed, or is gone, after the start: the incident still knows what it asks."""
    incident = started(cli, "edited")
    approved(cli, incident, "gate")
    until(lambda: state_of(cli, incident, "question") == "waiting_answer")
    runbook = served / "runbooks" / "close-the-door.yaml"
    before = runbook.read_text()
    try:
        runbook.unlink()
        assert "shut is yes or no, not 'perhaps'" in cli("answer", incident, "question", "shut=perhaps").err
        assert cli("answer", incident, "question", "shut=yes", "hinges=2").code == 0
    finally:
        runbook.write_text(before)


def test_ids_by_a_part(cli: Cli) -> None:
    """A unique beginning or end is enough; none or several name what there is."""
    started(cli, "part-one")
    started(cli, "part-two")
    assert cli("show", "art-one").code == 0
    several = cli("show", "close-the-door-part")
    assert several.code == Exit.USAGE
    assert "fits 2 incidents" in several.err
    none = cli("timeline", "nowhere")
    assert none.code == Exit.USAGE
    assert "The timeline has no incident 'nowhere'" in none.err
    assert "There is no incident 'nowhere'" in cli("show", "nowhere").err
    assert "fits" in cli("export", "close-the-door-part", "x.zip").err


def test_the_list(cli: Cli) -> None:
    """Newest first, as a table and as JSON."""
    started(cli, "listed")
    table = cli("list").out
    assert table.splitlines()[0].split() == ["STATE", "VERDICT", "STARTED", "UTC", "TOOK", "INCIDENT"]
    until(lambda: any(row["id"] == "close-the-door-listed" for row in json.loads(cli("list", "-o", "json").out)))
    assert cli("list", "--limit", "0").code == Exit.USAGE


def test_run_and_watch_end_with_the_incident(cli: Cli) -> None:
    """`run --watch` follows to the end, in lines where there is no terminal, and takes the incident's exit code."""
    done = cli("run", "at-once", "door=watched", "--yes", "--watch")
    assert done.code == 0
    assert "Started: at-once-watched" in done.out
    assert "firedoor watch" not in done.out
    assert "pause  done" in done.out
    lines = cli("run", "at-once", "door=again", "--yes", "--watch", "-o", "json").out.splitlines()
    assert json.loads(lines[-1])["state"] == "completed"


def test_a_plan_that_nobody_reads_gives_up(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a worker: a sentence and exit code 4; the same for a decision about an incident."""
    monkeypatch.setattr("firedoor.engine.incidents.ANSWER_SECONDS", 0.5)
    monkeypatch.setenv("FIREDOOR_TASK_QUEUE", "nobody-is-here")
    done = cli("plan", "close-the-door", "door=unread", "--timeout", "1")
    assert done.code == Exit.UNREACHABLE
    assert "no worker has taken `abort`" in done.err
    assert cli("run", "close-the-door", "door=unserved", "--yes").code == 0
    done = cli("abort", "close-the-door-unserved", "--reason", "nobody there")
    assert done.code == Exit.UNREACHABLE
    assert "It has not taken effect" in done.err


def test_an_identity_that_came_back_is_found(cli: Cli) -> None:
    """The same id ran twice: its name means the latest run, and is not called ambiguous."""
    for _ in range(2):
        assert cli("run", "at-once", "door=came-back", "--yes", "--watch").code == 0
    assert cli("show", "at-once-came-back").code == 0, cli("show", "at-once-came-back").err
    assert cli("show", "came-back").code == 0


def test_without_temporal_the_record_is_there(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`show` says that nobody answers and what the timeline has, exit code 4; `timeline` and `export` need nobody."""
    incident = started(cli, "dark")
    cli("deny", incident, "gate", "--reason", "not tonight")
    until(lambda: state_of(cli, incident, "gate") == "needs_attention")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    done = cli("show", "dark")
    assert done.code == Exit.UNREACHABLE
    assert "No Temporal server answers at 127.0.0.1:1" in done.err
    assert f"What the timeline has of {incident}:" in done.out
    assert "gate  ! needed a person" in done.out
    assert "not the present" in done.out
    document = json.loads(cli("show", "dark", "-o", "json").out)
    assert document["incident"] == incident
    assert [row["step"] for row in document["recorded"]] == ["", "gate"]
    assert cli("show", "nobody-knows").code == Exit.UNREACHABLE
    assert "not tonight" in cli("timeline", "dark").out
    assert cli("export", "dark", str(tmp_path / "dark.zip")).code == 0


def test_incidents_of_steps_stand_below_their_parent(cli: Cli) -> None:
    """A runbook that a step runs is an incident of its own: listed, shown and recorded under its own id."""
    cli("run", "outer", "door=nested", "--yes")
    until(lambda: "outer-nested.inner" in cli("list").out)
    lines = cli("list").out.splitlines()
    above = next(number for number, line in enumerate(lines) if line.endswith(" outer-nested"))
    assert lines[above + 1].endswith("    outer-nested.inner")
    until(lambda: state_of(cli, "nested.inner", "gate") == "waiting_approval")
    shown = cli("show", "outer-n").out
    assert "? └ gate" in shown, "the steps of a child stand below the step that started it"
    assert "firedoor approve outer-nested.inner gate" in shown
    assert "opened by" in cli("timeline", "nested.inner").out
    assert cli("abort", "nested", "--reason", "done").code == 0
    assert cli("watch", "nested.inner").code == Exit.FAILED
