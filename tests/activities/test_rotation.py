"""Rotation of a credential, against a fake OpenAI that behaves and a Secrets Manager that enforces."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from activities._http import Http, Request
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Verdict
from tests import killing
from tests.activities.openai import SINK, Stage, stage
from tests.emulators import Emulator

ACCOUNTS = r"/v1/organization/projects/[^/]+/service_accounts"


@pytest.fixture
def on(aws: Emulator, tmp_path: Path) -> Generator[Stage]:
    """A leaked key of a service account, in a secret."""
    with stage(aws, tmp_path) as built:
        yield built


def attempt(on: Stage, action: str, earlier: Preview | None = None, **arguments: Any) -> tuple[Preview, Any]:
    """One attempt at a step: its preview, and its outcome or the error that ended it."""
    return killing.attempt(on.clients, action, earlier, **arguments)


def rotated(on: Stage, earlier: Preview | None = None, **arguments: Any) -> Outcome:
    """A rotation that has to succeed."""
    _, outcome = attempt(on, "credential.rotate", earlier, credential=on.credential, **arguments)
    assert isinstance(outcome, Outcome), outcome
    return outcome


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_key_is_replaced_everywhere_and_the_old_one_is_refused(on: Stage, mode: str) -> None:
    """The sink has a new value that works, OpenAI refuses the old one, and there is exactly one key."""
    outcome = rotated(on, mode=mode)
    assert outcome.verdict is Verdict.CONTAINED
    (left,) = on.openai.keys.values()
    assert on.stored() == left.value != on.key.value
    assert outcome.result["new"]["id"] == left.id
    assert "canary" not in outcome.model_dump_json()


def test_in_a_breach_nothing_new_is_made_before_the_old_one_is_dead(on: Stage) -> None:
    """Revoke first; and the version that holds the leak loses its labels."""
    rotated(on, mode="breach")
    writes = [one.method for one in on.openai.log if one.method != "GET"]
    assert writes == ["DELETE", "POST"]
    assert list(on.labels().values()) == [["AWSCURRENT"]]


def test_in_a_rotation_consumers_have_a_working_key_at_every_moment(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the secret holds is alive before each call that changes something, and after the last."""
    alive: list[bool] = []
    answer = on.openai.answer

    def watching(asked: Any) -> Said:
        said = answer(asked)
        alive.append(any(key.value == on.stored() for key in on.openai.keys.values()))
        return said

    monkeypatch.setattr(on.openai, "answer", watching)
    rotated(on, mode="rotation")
    assert alive
    assert all(alive)
    assert [one.method for one in on.openai.log if one.method != "GET"] == ["POST", "DELETE"]


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_an_old_key_that_lives_on_is_never_unnoticed(on: Stage, mode: str) -> None:
    """OpenAI says that it is deleted and accepts it all the same: consumers get the new one, and nobody says contained."""
    account = on.openai.keys[on.key.id].owner
    said = {"object": "organization.project.service_account.deleted", "id": account, "deleted": True}
    on.openai.faults.append(Fault("DELETE", ".*", instead=Said(200, said)))
    outcome = rotated(on, mode=mode)
    assert (outcome.verdict, outcome.result["state"]) == (Verdict.NOT_CONTAINED, "live")
    assert "OpenAI accepted the value with 200" in outcome.summary
    assert on.stored() != on.key.value


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_deletion_that_says_no_with_status_200_is_a_no(on: Stage, mode: str) -> None:
    """`deleted: false`: the step is tried again, and what was done until then is said."""
    said = {"object": "organization.project.service_account.deleted", "id": "x", "deleted": False}
    on.openai.faults.append(Fault("DELETE", ".*", instead=Said(200, said)))
    preview, error = attempt(on, "credential.rotate", credential=on.credential, mode=mode)
    assert isinstance(error, StepError)
    assert (error.reason, "and not that it is deleted" in error.what) == ("provider_error", True)
    done = "Nothing was changed." if mode == "breach" else f"The new value is in {SINK}; the old one was not revoked."
    assert error.changed == done
    assert rotated(on, preview, mode=mode).verdict is Verdict.CONTAINED
    assert [key.value for key in on.openai.keys.values()] == [on.stored()]


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_lost_answer_leaves_no_orphan(on: Stage, mode: str) -> None:
    """OpenAI made a service account and its answer was lost: the next attempt deletes it and makes another."""
    on.openai.faults.append(Fault("POST", ACCOUNTS, lose_reply=True))
    preview, error = attempt(on, "credential.rotate", credential=on.credential, mode=mode)
    assert isinstance(error, StepError)
    assert error.retryable
    outcome = rotated(on, preview, mode=mode)
    assert outcome.verdict is Verdict.CONTAINED
    assert [key.value for key in on.openai.keys.values()] == [on.stored()]
    assert len(on.openai.accounts) == 1


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_place_that_is_named_for_the_old_value_is_not_read_for_it_afterwards(
    on: Stage, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`value` names the place that gets the new one: killed at each call, what is revoked and proved is the old value."""
    arguments = {"credential": on.credential | {"where": ""}, "value": SINK, "into": [SINK], "mode": mode}
    with monkeypatch.context() as patching:
        ended, _ = killing.killed_everywhere(
            patching, lambda earlier: attempt(on, "credential.rotate", earlier, **arguments), after=True
        )
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    assert [key.value for key in on.openai.keys.values()] == [on.stored()]


def test_a_sink_that_refuses_leaves_nothing_behind(on: Stage) -> None:
    """The second sink does not exist: nothing was made, and the error says which one it is."""
    with pytest.raises(StepError, match="There is no secret absent") as raised:
        attempt(on, "credential.rotate", credential=on.credential, into=[SINK, "aws-sm:absent"], mode="rotation")
    assert raised.value.changed == "Nothing was changed."
    assert on.stored() == on.key.value


def test_a_sink_that_is_deleted_meanwhile_gets_the_new_key_deleted(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sink refuses after the key was made: the key is deleted again, and the old one still works."""
    manager = on.aws.client("secretsmanager")
    manager.create_secret(Name="other", SecretString="old")
    sinks = [SINK, "aws-sm:other"]
    answer = on.openai.answer

    def sabotage(asked: Any) -> Said:
        said = answer(asked)
        if asked.method == "POST":
            manager.delete_secret(SecretId="other", ForceDeleteWithoutRecovery=True)
        return said

    monkeypatch.setattr(on.openai, "answer", sabotage)
    _, error = attempt(on, "credential.rotate", credential=on.credential, into=sinks, mode="rotation")
    assert isinstance(error, StepError)
    assert "There is no secret other" in error.what
    assert "was deleted again; every sink keeps its value." in error.changed
    assert list(on.openai.keys) == [on.key.id]
    assert on.stored() == on.key.value
    assert list(on.labels().values()) == [["AWSCURRENT"]]


def test_an_admin_key_without_scope_is_a_sentence(on: Stage) -> None:
    """A key that may only read: what is missing is named, and nothing was changed."""
    on.openai.read_only.add(on.openai.admin)
    _, error = attempt(on, "credential.rotate", credential=on.credential, mode="rotation")
    assert isinstance(error, StepError)
    assert error.reason == "permission_missing"
    assert "needs api.management.write" in error.what
    assert on.stored() == on.key.value


def test_a_users_key_where_a_service_account_was_meant(on: Stage) -> None:
    """It says whose key it is and what to do, and deletes nobody's service account."""
    mine = on.openai.plant("laptop", user="ada")
    given = on.credential | {"id": mine.id, "name": "laptop", "where": "", "kind": "service_account_key"}
    _, error = attempt(on, "credential.revoke", credential=given)
    assert isinstance(error, StepError)
    assert "belongs to the user ada@example.com" in error.what
    assert "Say kind: user_key" in error.next
    assert mine.id in on.openai.keys


@pytest.mark.parametrize("hostile", ["../../models", "key_1\nX-Evil: 1", "key/1", "..", "%2e%2e", "a" * 400])
def test_an_id_from_an_alert_reaches_no_other_endpoint(on: Stage, hostile: str) -> None:
    """What does not look like an id is never sent."""
    with pytest.raises(StepError, match="nothing was sent"):
        attempt(on, "credential.revoke", credential=on.credential | {"id": hostile, "where": ""})
    assert on.openai.log == []


@pytest.mark.parametrize(
    ("said", "reason", "sentence"),
    [
        (Said(200, b"<html>log in</html>"), "provider_error", "with text/html instead of JSON"),
        (Said(302, None, {"location": "http://127.0.0.1:1/"}), "invalid_arguments", "follows no redirects"),
        (Said(429, {}, {"retry-after": "string"}), "throttled", "is throttling firedoor"),
        (Said(429, {}, {"retry-after": "92189159"}), "throttled", "is throttling firedoor"),
        (Said(503, b"down"), "provider_error", "answered 503"),
    ],
)
def test_strange_answers_are_sentences(on: Stage, said: Said, reason: str, sentence: str) -> None:
    """HTML, redirects, hostile Retry-After: a true sentence, and nothing is lost."""
    on.openai.faults.append(Fault("POST", ACCOUNTS, instead=said))
    preview, error = attempt(on, "credential.rotate", credential=on.credential, mode="rotation")
    assert isinstance(error, StepError)
    assert (error.reason, sentence in error.what) == (reason, True), error.what
    assert on.stored() == on.key.value
    assert rotated(on, preview, mode="rotation").verdict is Verdict.CONTAINED


def test_what_the_request_carried_in_secret_is_in_no_sentence(on: Stage) -> None:
    """A provider that repeats the value in its error message."""
    echo = Said(418, {"error": {"message": f"bad key {on.key.value}"}})
    http = Http("openai", "OpenAI", on.openai.url)
    on.openai.faults.append(Fault("GET", "/v1/models", instead=echo))
    with pytest.raises(StepError) as raised:
        http.send(Request("GET", "/v1/models", secrets=[on.clients.secret(SINK)]))
    assert "“bad key [secret]”" in raised.value.what
    http.close()
