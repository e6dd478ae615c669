"""GCP Secret Manager: versions that nobody can add on a condition, marks guarded by an etag, destruction now or later."""

import base64
import json
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import pytest
from pydantic import SecretStr

from activities._clients import Clients
from activities._guard import MAY_CHANGE
from activities.aws.accounts import Accounts
from activities.sinks.gcp_sm import crc32c
from firedoor.config import Aws, Settings
from firedoor.drill.fakes._fake import Asked, Fault, Said
from firedoor.drill.fakes._google import PROJECT
from firedoor.drill.fakes.gcp_sm import FakeSecretManager, Secret
from firedoor.drill.fakes.google import FakeGoogle
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from tests.faking import Fakes
from tests.killing import attempt
from tests.sinks.conftest import Stage, Staging

PLACE = f"gcp-sm:{PROJECT}/openai-key"
VERSIONS = rf"/v1/projects/{PROJECT}/secrets/openai-key"


@pytest.fixture
def google(fakes: Fakes) -> FakeSecretManager:
    """One project."""
    return fakes(FakeSecretManager())


@pytest.fixture
def stage(staging: Staging, google: FakeSecretManager) -> Stage:
    """firedoor may write there, and the leaked key is there as the second version."""
    made = staging(gcp_sm={"base_url": google.url, **google.secrets})
    google.keep("openai-key", "before", made.key.value).annotations["team"] = "gateway"
    return made


@pytest.fixture
def secret(stage: Stage, google: FakeSecretManager) -> Secret:
    """The secret with the leaked key."""
    return google.held["openai-key"]


@pytest.fixture
def changing() -> Generator[None]:
    """Changes may be sent, as while a step is performed."""
    token = MAY_CHANGE.set(True)
    yield
    MAY_CHANGE.reset(token)


@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage, secret: Secret, monkeypatch: pytest.MonkeyPatch, mode: str, after: bool
) -> None:
    """The newest version is the key that OpenAI has; after a breach it is the only one that can be read."""
    stage.killed(monkeypatch, PLACE, mode=mode, after=after)
    (left,) = stage.openai.keys.values()
    assert secret.latest == left.value
    assert secret.annotations["team"] == "gateway"
    readable = [one.data for one in secret.versions if one.data is not None]
    assert (stage.key.value.encode() in readable) is (mode == "rotation")
    assert (len(readable) == 1) is (mode == "breach")


def test_a_lost_answer_adds_no_second_version(stage: Stage, google: FakeSecretManager, secret: Secret) -> None:
    """Google has no id of the request: the next attempt finds its own value as the newest version."""
    google.faults.append(Fault("POST", VERSIONS + ":addVersion", lose_reply=True))
    preview, error = attempt(stage.clients, "credential.rotate", **_asked(stage))
    assert isinstance(error, StepError)
    assert error.retryable
    assert len(secret.versions) == 3
    _, ended = attempt(stage.clients, "credential.rotate", preview, **_asked(stage))
    assert isinstance(ended, Outcome), ended
    assert len(secret.versions) == 3
    assert [key.value for key in stage.openai.keys.values()] == [secret.latest]


@pytest.mark.parametrize("location", ["", "europe-west1"])
def test_a_secret_without_a_version_gets_its_first(staging: Staging, google: FakeSecretManager, location: str) -> None:
    """Also one that lives in one region only."""
    made = staging(gcp_sm={"base_url": google.url, **google.secrets})
    empty = google.keep("new", location=location)
    place = f"gcp-sm:{PROJECT}/new" + (f"?location={location}" if location else "")
    made.rotated(place)
    assert empty.latest in {key.value for key in made.openai.keys.values()}
    assert google.own.file not in str(empty)


def test_a_newest_version_that_is_disabled_is_replaced(stage: Stage, secret: Secret) -> None:
    """`latest` is the newest version also where it is disabled: consumers get an error until there is another."""
    secret.versions[-1].state = "DISABLED"
    assert secret.latest is None
    stage.rotated(PLACE)
    assert [key.value for key in stage.openai.keys.values()] == [secret.latest]


def test_what_somebody_else_wrote_before_us_stays(stage: Stage, google: FakeSecretManager, secret: Secret) -> None:
    """It came between two attempts: nothing is added, and the new key is deleted again."""
    google.faults.append(Fault("PATCH", VERSIONS, lose_reply=True))
    preview, _ = attempt(stage.clients, "credential.rotate", **_asked(stage))
    secret.add(b"theirs")
    _, error = attempt(stage.clients, "credential.rotate", preview, **_asked(stage))
    assert isinstance(error, StepError)
    assert "it is at version 3, not at 2 as before" in error.what
    assert (secret.latest, len(secret.versions)) == ("theirs", 3)
    assert list(stage.openai.keys) == [stage.key.id]


@pytest.mark.parametrize("died", [False, True], ids=["at once", "in the next attempt"])
def test_what_somebody_else_wrote_in_the_same_moment_comes_back(
    stage: Stage, google: FakeSecretManager, secret: Secret, died: bool
) -> None:
    """Google adds ours on top of theirs: their value is made the newest again, ours destroyed, our key deleted."""
    google.meanwhile = lambda held: held.add(b"theirs")
    if died:
        google.faults.append(Fault("POST", VERSIONS + ":addVersion", lose_reply=True))
    preview, error = attempt(stage.clients, "credential.rotate", **_asked(stage))
    if died:
        assert secret.latest != "theirs"
        _, error = attempt(stage.clients, "credential.rotate", preview, **_asked(stage))
    assert isinstance(error, StepError)
    assert "added version 3" in error.what
    assert "deleted again" in error.changed
    assert secret.latest == "theirs"
    assert [one.state for one in secret.versions] == ["ENABLED", "ENABLED", "ENABLED", "DESTROYED", "ENABLED"]
    assert list(stage.openai.keys) == [stage.key.id]


def test_an_own_version_that_arrives_late_is_not_taken_for_somebody_elses(
    stage: Stage, google: FakeSecretManager, secret: Secret
) -> None:
    """The first attempt's call was still under way when the second one made another key: that one stays the newest."""
    google.faults.append(Fault("POST", VERSIONS + ":addVersion", instead=Said(503, {})))
    preview, error = attempt(stage.clients, "credential.rotate", **_asked(stage))
    assert isinstance(error, StepError)
    late = base64.b64decode(json.loads(google.log[-1].body)["payload"]["data"])
    google.meanwhile = lambda held: held.add(late)
    _, ended = attempt(stage.clients, "credential.rotate", preview, **_asked(stage))
    assert isinstance(ended, Outcome), ended
    assert len(secret.versions) == 4
    assert [key.value for key in stage.openai.keys.values()] == [secret.latest]


def test_another_rotation_that_took_over_is_not_overwritten(
    stage: Stage, google: FakeSecretManager, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said in the annotations that it writes next, after we had said so."""
    answer = google.answer

    def taken(asked: Asked) -> Said:
        said = answer(asked)
        if asked.method == "PATCH":
            secret.annotations["firedoor-rotation"] = "another"
        return said

    monkeypatch.setattr(google, "answer", taken)
    _, error = attempt(stage.clients, "credential.rotate", **_asked(stage))
    assert isinstance(error, StepError)
    assert "Another rotation of firedoor" in error.what
    assert len(secret.versions) == 2


def test_settings_that_changed_meanwhile_are_read_again(
    stage: Stage, google: FakeSecretManager, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The etag of what was read does not fit any more: nobody's annotation is lost."""
    answer = google.answer

    def changed(asked: Asked) -> Said:
        if asked.method == "PATCH":
            secret.etag, secret.annotations = '"another"', {"team": "payments"}
        return answer(asked)

    with monkeypatch.context() as patching:
        patching.setattr(google, "answer", changed)
        preview, error = attempt(stage.clients, "credential.rotate", **_asked(stage))
    assert isinstance(error, StepError)
    assert error.reason == "busy"
    _, ended = attempt(stage.clients, "credential.rotate", preview, **_asked(stage))
    assert isinstance(ended, Outcome), ended
    assert secret.annotations["team"] == "payments"
    assert [key.value for key in stage.openai.keys.values()] == [secret.latest]


def test_destruction_that_the_secret_delays_is_said(stage: Stage, secret: Secret) -> None:
    """The versions with the leak are disabled at once; until when they could come back is in the evidence."""
    secret.keeps = 86_400
    outcome = stage.rotated(PLACE)
    assert [one.state for one in secret.versions] == ["DISABLED", "DISABLED", "ENABLED"]
    assert "will be destroyed by 20" in " ".join(one.says for one in outcome.evidence)


@pytest.mark.usefixtures("changing")
def test_only_versions_before_the_new_one_are_destroyed(stage: Stage, google: FakeSecretManager) -> None:
    """What somebody adds while firedoor destroys the leak is theirs; all pages of the list are gone through."""
    many = google.keep("many", *(f"value-{number}" for number in range(8)))
    sink = stage.clients.sink(f"gcp-sm:{PROJECT}/many")
    assert sink.look().version == "8"
    many.add(b"theirs")
    sink.destroy("8")
    assert [one.number for one in many.versions if one.state == "ENABLED"] == [8, 9]
    google.faults.append(Fault("POST", ".*:destroy", instead=Said(200, {})))
    with pytest.raises(StepError, match="still has old versions: 8"):
        sink.destroy("9")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda fake: fake.held.clear(), "There is no secret openai-key"),
        (lambda fake: setattr(fake, "forbidden", ("PATCH", "")), "needs secretmanager.secrets.update"),
        (lambda fake: setattr(fake, "forbidden", ("POST", ":addVersion")), "needs secretmanager.versions.add"),
        (lambda fake: setattr(fake, "damaged", True), "arrived damaged"),
        (lambda fake: fake.held["openai-key"].add(b"\xff\xfe"), "holds bytes, no text"),
        (lambda fake: fake.accounts.clear(), "account not found"),
    ],
    ids=["absent", "no-update", "no-add", "damaged", "bytes", "account"],
)
def test_what_cannot_be_written_is_a_sentence(
    stage: Stage, google: FakeSecretManager, spoil: Callable[[FakeSecretManager], object], what: str
) -> None:
    """What is wrong is said; consumers get what they got, and no key is left over."""
    spoil(google)
    before = [one.latest for one in google.held.values()]
    error = _refused(stage)
    assert what in error.what
    assert "canary" not in str(error)
    assert [one.latest for one in google.held.values()] == before
    assert len(stage.openai.keys) == 1


@pytest.mark.parametrize("location", ["evil.example/x", "europe-west1.evil.example", "EUROPE-WEST1", "x"])
def test_a_location_never_becomes_another_host(stage: Stage, google: FakeSecretManager, location: str) -> None:
    """It is a part of the host's name: nothing is sent to what is none."""
    google.log.clear()
    with pytest.raises(StepError, match="is no location of Google"):
        stage.clients.sink(f"{PLACE}?location={location}")
    assert google.log == []


def test_a_version_can_be_named(stage: Stage, secret: Secret) -> None:
    """An older one, and one that never was."""
    held = stage.clients.sink(f"{PLACE}#1").look()
    assert (held.version, held.value) == ("1", SecretStr("before"))
    assert stage.clients.sink(f"{PLACE}#77").look().value is None
    assert stage.clients.sink(f"{PLACE}#1").reference == PLACE


def test_what_is_sent_carries_its_checksum(stage: Stage, google: FakeSecretManager) -> None:
    """Google refuses what was damaged on the way."""
    stage.rotated(PLACE)
    (added,) = [one for one in google.log if one.path.endswith(":addVersion")]
    assert b'"clientSpecifiedPayloadChecksum": true' in added.answer
    assert google.own.file.encode() not in b"".join(one.body for one in google.log)


@pytest.mark.parametrize("kind", ["api_key", "service_account_key"])
def test_a_key_of_google_itself_is_replaced_in_it(
    fakes: Fakes, google: FakeSecretManager, home_settings: Settings, kind: str
) -> None:
    """A whole key file goes in and comes out as it was; its old value is read from the version that held it."""
    provider = fakes(FakeGoogle())
    leaked = provider.plant_credential(kind, "gateway")
    secret = google.keep("google-key", leaked.value)
    acting = Accounts(Aws(settle_seconds=0.0))
    acting.variables = {"FIREDOOR_SECRET_A": provider.own.file, "FIREDOOR_SECRET_B": google.own.file}
    settings = home_settings.model_copy(
        update={
            "providers": {"google": {"base_url": provider.url, "service_account_key": "env:FIREDOOR_SECRET_A"}},
            "sinks": {"gcp-sm": {"base_url": google.url, "service_account_key": "env:FIREDOOR_SECRET_B"}},
        }
    )
    place = f"gcp-sm:{PROJECT}/google-key"
    asked: dict[str, Any] = {"credential": leaked.credential.model_dump(mode="json") | {"where": place}}
    with closing(Clients(settings, aws=acting)) as clients:
        _, ended = attempt(clients, "credential.rotate", **asked)
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    assert provider.alive(kind) == {secret.latest}
    assert secret.versions[0].data is None
    assert "canary" not in ended.model_dump_json()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (base64.b64decode("AcAAAAAAAAAAAAAAAAAAABQAAAAAAAQAAAAAFAAAABgoAAAAAAAAAAIAAAAAAAAA"), 0xD9963A56),
    ],
)
def test_the_checksum_is_that_of_the_standard(data: bytes, expected: int) -> None:
    """The examples of RFC 3720, B.4, and the usual check value."""
    assert crc32c(data) == expected


def _asked(stage: Stage) -> dict[str, Any]:
    credential = {
        "provider": "openai",
        "kind": "service_account_key",
        "id": stage.key.id,
        "scope": stage.key.project,
        "name": "gateway",
    }
    return {"credential": credential, "into": [PLACE], "mode": "rotation"}


def _refused(stage: Stage) -> StepError:
    """A rotation in mode rotation that ends with an error."""
    try:
        _, ended = attempt(stage.clients, "credential.rotate", **_asked(stage))
    except StepError as error:
        return error
    assert isinstance(ended, StepError), ended
    return ended
