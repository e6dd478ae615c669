"""A secret from a person's prompt to its sinks: stored, read back, accepted by its provider, and nowhere else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities import intake
from activities._attempts import Attempts
from activities.intake import answer
from activities.providers._reading import fingerprint
from firedoor import desk
from firedoor.config import Settings
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.render import unresolved
from firedoor.timeline.store import Timeline
from tests.activities.wire import Wire, refused_json
from tests.counter import NEW, OLD, OTHER, OpenAi, configure, provider_on_loopback

APP, COPY = "aws-sm:app", "aws-sm:copy"
WHO = {"principal": "user:ada", "auth": "os", "identity": "os:ada"}


@pytest.fixture
def provider() -> Iterator[OpenAi]:
    """It listens on loopback."""
    with provider_on_loopback() as one:
        yield one


@dataclass(frozen=True)
class Counter:
    """Where a person gives a secret: an installation with the incident `one`, before an emulator and a provider."""

    home: Path
    wire: Wire
    manager: Any

    def give(self, value: str, *into: str, **more: Any) -> dict[str, Any]:
        """Give a value; what is answered."""
        return answer(json.dumps(self.question(value, *into, **more)).encode() + b"\n")

    def question(self, value: str, *into: str, **more: Any) -> dict[str, Any]:
        """What a front door asks."""
        credential = {"provider": "openai", "kind": "user_key", "fingerprint": more.pop("old", "")}
        instead = more.pop("instead", {})
        fixed = {"incident": "one", "step": "ask", "responder": WHO, "credential": credential}
        return {**fixed, "into": list(into or (APP,)), "value": value, **more, **instead}

    def refused(self, value: str, *into: str, **more: Any) -> dict[str, str]:
        """Give a value that is refused; the error, which does not hold it."""
        found = self.give(value, *into, **more)
        assert not value or value not in json.dumps(found)
        error: dict[str, str] = found["error"]
        return error

    def held(self, secret: str = "app") -> str:
        """What consumers get."""
        value: str = self.manager.get_secret_value(SecretId=secret)["SecretString"]
        return value

    def versions(self, secret: str = "app") -> dict[str, list[str]]:
        """The versions of a secret, with their labels."""
        found: dict[str, list[str]] = self.manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
        return found

    def entries(self) -> list[Entry]:
        """What the timeline has besides the opening."""
        with Timeline.read(self.home / "timeline.sqlite") as timeline:
            return [stored.entry for stored in timeline.entries(incident="one")][1:]

    def kinds(self) -> list[str]:
        """Its kinds."""
        return [entry.kind for entry in self.entries()]


@pytest.fixture
def counter(wire: Wire, provider: OpenAi, monkeypatch: pytest.MonkeyPatch, home_settings: Settings) -> Counter:
    """An installation whose timeline has an incident, and two secrets with the old value."""
    home = home_settings.home
    configure(home, wire.url, provider, monkeypatch)
    settings = home_settings
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        body = {"cause": {"run": "r1", "wf": "one"}, "drill": False}
        timeline.append([Draft(Kind.INCIDENT_OPENED, "one", "opened", body)])
    manager = wire.emulator.client("secretsmanager")
    for name in ("app", "copy"):
        manager.create_secret(Name=name, SecretString=OLD)
    return Counter(home, wire, manager)


def print_of(value: str) -> str:
    """The fingerprint of a value."""
    return fingerprint(SecretStr(value))


def test_it_is_stored_proved_and_recorded(counter: Counter) -> None:
    """Consumers get it, the provider accepts it, and the record says who gave it, without the value."""
    taken = counter.give(NEW)
    assert taken["credential"] == {
        **dict.fromkeys(("id", "scope", "name", "owner"), ""),
        "provider": "openai",
        "kind": "user_key",
        "fingerprint": print_of(NEW),
        "where": APP,
    }
    assert (taken["places"], taken["verified"]) == ([APP], "live")
    assert taken["sentence"] == f"The new value ({print_of(NEW)}) is in aws-sm:app. OpenAI accepted the value with 200."
    assert counter.held() == NEW
    intent, outcome = counter.entries()
    assert (intent.kind, outcome.kind, outcome.ref) == (Kind.ACTION_INTENT, Kind.ACTION_OUTCOME, intent.id)
    assert intent.part("actor") == {"kind": "human", "id": "user:ada", "auth": "os", "identity": "os:ada"}
    assert intent.part("cause")["step"] == "ask"
    assert intent.body["change"] == f"aws-sm:app → the value that user:ada gave ({print_of(NEW)})"
    assert outcome.part("result")["status"] == "ok"
    assert {item["source"] for item in outcome.body["evidence"]} >= {"openai:GET /v1/models"}


def test_the_value_is_nowhere_but_in_the_sink(counter: Counter, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in the answer, not in a byte of the home folder, not on a stream; stored, refused or failed."""
    counter.wire.on("UpdateSecretVersionStage", refused_json(500, "InternalServiceError", f"cannot take {NEW}"))
    answers = [counter.give(NEW), counter.give(NEW), counter.give(OLD), counter.give(f"{OTHER} x")]
    assert [("error" in one) for one in answers] == [True, False, True, True]
    said = json.dumps(answers) + "".join(capfd.readouterr())
    bytes_ = b"".join(path.read_bytes() for path in counter.home.rglob("*") if path.is_file())
    for value in (NEW, OLD, OTHER):
        assert value not in said
        assert value.encode() not in bytes_


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "There is no value: it is empty."),
        (f"{NEW} ", "There is a space or a line break in the value"),
        (f"{NEW}\n{OTHER}", "There is a space or a line break in the value"),
        (f"{NEW}\u200b", "There are characters in the value that cannot be seen"),
        ("x" * 65_537, "The value is larger than 65536 bytes."),
    ],
)
def test_what_is_no_key_is_refused(counter: Counter, value: str, sentence: str) -> None:
    """Before anything is asked, recorded or changed."""
    error = counter.refused(value)
    assert (error["reason"], error["changed"]) == ("invalid_arguments", "Nothing was changed.")
    assert sentence in error["what"]
    assert (counter.kinds(), counter.wire.calls) == ([], [])


def test_the_old_value_is_refused(counter: Counter, provider: OpenAi) -> None:
    """Because the place holds it, although the provider still accepts it."""
    provider.accepted.add(OLD)
    assert counter.refused(OLD)["what"] == "This is the old value: aws-sm:app holds it now."
    assert (counter.kinds(), counter.wire.writes()) == ([], [])


def test_the_old_value_is_known_by_its_fingerprint(counter: Counter) -> None:
    """Also where the place holds something else by now; and what is there already then is the new one."""
    counter.manager.put_secret_value(SecretId="app", SecretString=NEW)
    error = counter.refused(OLD, old=print_of(OLD))
    assert error["what"] == "This is the old value: it has the fingerprint of the one to be replaced."
    versions = counter.versions()
    assert counter.give(NEW, old=print_of(OLD))["places"] == [APP]
    assert counter.versions() == versions, "nothing was stored a second time"


def test_a_value_that_the_provider_refuses_reaches_no_consumer(counter: Counter, provider: OpenAi) -> None:
    """The attempt and its end are recorded; the same value later, when it works, is taken."""
    provider.accepted.clear()
    error = counter.refused(NEW)
    assert error["what"] == "OpenAI does not accept this value: it refused the value with 401."
    assert error["changed"] == "Nothing was changed."
    assert (counter.held(), counter.wire.writes()) == (OLD, [])
    assert [entry.part("result").get("status") for entry in counter.entries()] == [None, "failed"]
    provider.accepted.add(NEW)
    assert counter.give(NEW)["verified"] == "live"


def test_a_provider_that_cannot_be_asked_is_no_obstacle(counter: Counter, provider: OpenAi) -> None:
    """Those who wait for the key get it, and nobody claims that it works; what cannot be a key is refused."""
    provider.down = True
    error = counter.refused("canary-not-a-key")
    assert error["what"] == "This does not look like any user key of OpenAI, and OpenAI could not tell."
    taken = counter.give(NEW)
    assert (taken["verified"], counter.held()) == ("unknown", NEW)
    assert "OpenAI no answer that tells" in taken["sentence"]


def test_a_death_after_storing_is_finished_by_the_same_value(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for the old one, no second version is made, and no intent stays without an end."""

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(Attempts, "done", dies)
        with pytest.raises(KeyboardInterrupt):
            counter.give(NEW)
    versions = counter.versions()
    assert counter.held() == NEW
    taken = counter.give(NEW)
    assert taken["credential"]["fingerprint"] == print_of(NEW)
    assert counter.versions() == versions
    assert counter.kinds() == [
        *(Kind.ACTION_INTENT, Kind.ACTION_INTENT, Kind.ACTION_OUTCOME, Kind.ACTION_RECONCILED),
    ]
    first, second, *_ = counter.entries()
    assert first.part("preview")["before"] == second.part("preview")["before"]
    assert unresolved(counter.entries()) == []
    # And once more after all is done: still no second version.
    counter.give(NEW)
    assert counter.versions() == versions


def test_a_lost_answer_is_in_doubt_and_found_again(counter: Counter) -> None:
    """The place took it, and the answer never came: what happened is not claimed, and the same value finishes it."""
    counter.wire.on("UpdateSecretVersionStage", lambda forward: (forward(), None)[1])
    error = counter.refused(NEW)
    assert "Give the same value once more: what is stored already is recognised." in error["next"]
    assert [entry.part("result").get("status") for entry in counter.entries()] == [None, "unknown"]
    assert counter.give(NEW)["places"] == [APP]
    assert counter.held() == NEW
    assert len(counter.versions()) == 2


def test_what_a_dead_attempt_left_does_not_stand_in_the_way(counter: Counter) -> None:
    """Another value is given after one that was staged only: the staged one is taken back first."""
    counter.wire.on("UpdateSecretVersionStage", refused_json(500, "InternalServiceError"))
    counter.refused(NEW)
    assert ["AWSPENDING"] in counter.versions().values()
    assert counter.give(OTHER)["places"] == [APP]
    assert counter.held() == OTHER
    assert ["AWSPENDING"] not in counter.versions().values()


def test_of_two_places_it_is_said_which_holds_it(counter: Counter) -> None:
    """The second refuses after the first took it; the same value then reaches both."""

    def second(forward: Any) -> Any:
        return refused_json(400, "AccessDeniedException")(forward)

    counter.wire.on("UpdateSecretVersionStage", lambda forward: forward(), lambda forward: forward(), second)
    error = counter.refused(NEW, APP, COPY)
    assert error["changed"].startswith("aws-sm:app: holds the new value. aws-sm:copy: not.")
    assert (counter.held(), counter.held("copy")) == (NEW, OLD)
    taken = counter.give(NEW, APP, COPY)
    assert taken["places"] == [APP, COPY]
    assert (counter.held(), counter.held("copy")) == (NEW, NEW)
    assert len(counter.versions()) == 2


def test_somebody_elses_change_is_not_overwritten(counter: Counter) -> None:
    """The place got another value between the look and the change: a conflict, and theirs stays."""

    def meanwhile(forward: Any) -> Any:
        counter.manager.put_secret_value(SecretId="app", SecretString="canary-theirs")
        return forward()

    counter.wire.on("UpdateSecretVersionStage", meanwhile)
    assert counter.refused(NEW)["reason"] == "conflict"
    assert counter.held() == "canary-theirs"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"incident": "two"}, "has no incident two."),
        ({"into": ["vaul:x"]}, "'vaul:x' names no place for a secret"),
        ({"into": ["aws-sm:absent"]}, "There is no secret absent"),
        ({"credential": {"provider": "opnai"}}, "firedoor knows no provider 'opnai'."),
        ({"credential": {"provider": "openai", "kind": "nope"}}, "OpenAI has no 'nope'"),
        ({"into": []}, "was not asked as it must be: into."),
        ({"value": {"v": NEW}}, "was not asked as it must be: value."),
        ({"surplus": 1}, "was not asked as it must be: surplus."),
    ],
)
def test_a_question_that_cannot_be_answered(counter: Counter, change: dict[str, Any], sentence: str) -> None:
    """A sentence, no value in it, nothing recorded and nothing changed."""
    error = counter.refused(NEW, instead=change)
    assert sentence in error["what"]
    assert (counter.kinds(), counter.wire.writes()) == ([], [])


def test_no_line_at_all() -> None:
    """A front door that died before it asked."""
    assert answer(b"")["error"]["reason"] == "invalid_arguments"


def test_a_fault_of_its_own_shows_its_type_only(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text could hold anything; the record says that it is not known what was stored."""

    def breaks(*_: Any) -> None:
        raise RuntimeError(NEW)

    monkeypatch.setattr(intake, "_store", breaks)
    error = counter.refused(NEW)
    assert error["reason"] == "defect"
    assert error["what"].startswith("The intake has a fault of its own (RuntimeError, intake.py:")
    assert counter.entries()[-1].part("result")["status"] == "unknown"


async def test_from_a_front_door_to_the_sink(counter: Counter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a program of the worker's side, from any folder: one line in, one line out; refusals are errors."""
    tmp_path.joinpath("activities.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    taken = await desk.ask("activities.intake", counter.question(NEW))
    assert (taken["places"], counter.held()) == ([APP], NEW)
    with pytest.raises(desk.DeskError) as caught:
        await desk.ask("activities.intake", counter.question("two words"))
    assert caught.value.reason == "invalid_arguments"
    assert "a space or a line break" in caught.value.what


def test_the_record_stands_with_the_step(counter: Counter) -> None:
    """A target of a step has attempts of its own, and a run of the same incident that began later as well."""
    counter.give(NEW, target="0")
    error = counter.refused(NEW, target="1")
    assert error["what"].startswith("This is the old value"), "another target's place held it before"
    assert {entry.part("action")["target_key"] for entry in counter.entries()} == {"intake/0"}
