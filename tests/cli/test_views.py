"""The smaller pictures: times, lists, contracts, checks."""

from pathlib import Path

import pytest

from firedoor.cli.checks import people
from firedoor.cli.views.checklist import Finding, checklist
from firedoor.cli.views.contract import contracts, facts, kind, sentence
from firedoor.cli.views.timeline import verification
from firedoor.config import Settings
from firedoor.phrases import blast, word
from firedoor.plan import Effect, Policy
from firedoor.steps import STEPS
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import Class, Verification
from firedoor.timeline.verify import Finding as Verified
from firedoor.words import clock, duration, full_stop, plural, seconds_between, span
from tests.cli.pictures import NOW, PLAN, drawn


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m 00 s"),
        (192, "3 m 12 s"),
        (7500, "2 h 05 m"),
        (356_400, "4 d 3 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    """As long as it needs to be, and no unit overflows."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (90, "90 s"), (1800, "30 min"), (7200, "2 h"), (86400, "1 d")]
)
def test_configured_durations(seconds: int, words: str) -> None:
    """In the unit that a person wrote."""
    assert span(seconds) == words


def test_clocks_are_utc_and_have_a_date_on_other_days() -> None:
    """What was yesterday does not look like today."""
    assert clock("2026-11-23T19:02:11.123Z", NOW) == "19:02:11"
    assert clock("2026-11-23T20:02:11+01:00", NOW) == "19:02:11"
    assert clock("2026-11-22T19:02:11Z", NOW) == "2026-11-22 19:02"
    assert clock("", NOW) == ""


def test_what_has_not_ended_lasts_until_now() -> None:
    """And what has not begun takes no time; clocks that disagree give no negative times."""
    assert seconds_between("2026-11-23T19:05:00Z", "", NOW) == 30
    assert seconds_between("", "", NOW) is None
    assert seconds_between("2026-11-23T19:05:00Z", "2026-11-23T19:04:00Z", NOW) == 0


def test_numbers_and_their_nouns() -> None:
    """One is singular; the blast radius names the largest first and leaves out what is zero."""
    assert plural(1, "steps") == "1 step"
    assert plural(1000, "steps") == "1,000 steps"
    assert plural(1, "addresses") == "1 address"
    assert blast({"services": 2, "credentials": 412, "accounts": 0}) == "412 credentials · 2 services"


def test_a_sentence_ends_once() -> None:
    """Titles and reasons are of people, with a mark at their end or without."""
    assert [full_stop(text) for text in ("Shut it", "Shut it.", "Shut it?")] == ["Shut it.", "Shut it.", "Shut it?"]


def test_an_object_is_told_without_what_is_empty() -> None:
    """A credential has eight members, of which most are not known at night."""
    assert word({"id": "key_3", "owner": "", "fingerprint": None, "live": False}) == '{"id": "key_3", "live": false}'
    assert word({"owner": ""}) == "-"


def test_a_checklist_says_what_to_do_and_the_sum() -> None:
    """Each line is told by its word; what to do stands below what is wrong."""
    page = drawn(
        checklist(
            [
                Finding("ok", "Temporal", "127.0.0.1:7233"),
                Finding("warn", "emulator", "none", "`make` installs one."),
                Finding("fail", "worker", "none asks for work " * 6, "firedoor up"),
            ]
        )
    )
    lines = page.splitlines()
    assert lines[:3] == [" ✓ ok   Temporal: 127.0.0.1:7233", " ? warn emulator: none", "        `make` installs one."]
    assert lines[3].startswith(" ✗ FAIL worker: none asks")
    assert lines[4].startswith("        asks for"), "folded text stays right of the sign"
    assert lines[-1] == "1 ok, 1 to look at, 1 failed"


def test_a_verification_shows_some_of_many_of_a_kind() -> None:
    """Nearly every entry of a campaign has values that are not in the file: the last word must not scroll away."""
    many = tuple(Verified(Class.WITHHELD, f"entries/{number:06d}.json", "not here") for number in range(300))
    alone = (Verified(Class.UNRESOLVED, "entries/000300.json", "begun"),)
    found = Verification(True, "log", "inc-1", 301, 301, "now", "user:ada", "0a", "0b", many + alone)
    lines = drawn(verification(found, "timeline.key.pub")).splitlines()
    assert sum("not here" in line for line in lines) == 10
    assert "… and 290 more: -o json lists them all" in " ".join(lines)
    assert "entries/000300.json: begun" in " ".join(lines)


def test_the_list_of_contracts_has_each_with_its_effect() -> None:
    """Every action is there, and fits 80 columns."""
    lines = drawn(contracts(STEPS)).splitlines()
    names = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert names == set(STEPS)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("action", sorted(STEPS))
def test_facts_of_a_contract(action: str) -> None:
    """Permissions, proof, undo and every argument are on the page."""
    contract = STEPS[action]
    page = drawn(facts(contract), 120)
    assert all(permission in page for permission in contract.permissions)
    assert all(f"  {name}" in page for name in contract.model_fields)
    assert contract.undo in page
    assert ("DESTROYS" in page) == (contract.effect is Effect.DESTRUCTIVE)
    assert sentence(contract).endswith(".")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "string"}, "string"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "array"}, "list of any"),
        ({"$ref": "#/$defs/Credential"}, "Credential"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({}, "any"),
    ],
)
def test_types_in_words(field: dict[str, object], words: str) -> None:
    """A JSON Schema type as a person says it."""
    assert kind(field) == words


def test_approvals_that_nobody_can_give_are_found_before_the_night(tmp_path: Path) -> None:
    """A role without enough people is a warning of the doctor."""
    plan = PLAN.model_copy(update={"policies": {"security": Policy(sources=("role:security", "user:eve"), count=2)}})
    [finding] = people(Settings(home=tmp_path), [plan])
    assert finding.level == "warn"
    assert "it takes 2 of role:security, user:eve, and the settings name 1" in finding.says
    assert list(people(Settings(home=tmp_path, roles={"security": ("user:ada",)}), [plan])) == []


def test_incidents_of_a_timeline(tmp_path: Path) -> None:
    """Each id once, in the order of first entries; entries of no incident name none."""
    with Timeline.open(tmp_path / "timeline.sqlite", tmp_path / "timeline.key", "test.example/log") as store:
        assert store.incidents() == []
        for number, incident in enumerate(["night", "", "dawn", "night"]):
            store.append([Draft(Kind.NOTE, incident, f"note/{number}", {"actor": {"kind": "user", "id": "user:ada"}})])
        assert store.incidents() == ["night", "dawn"]
