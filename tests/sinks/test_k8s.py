"""Kubernetes as a sink: a patch that names what it was made from, one key of many, and refusals before anybody sees it."""

import json
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from activities.providers._reading import fingerprint
from activities.sinks.k8s import MARK, K8sSink
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.doppler import FakeDoppler
from firedoor.drill.fakes.kubernetes import FakeKubernetes
from firedoor.drill.fakes.openai import Key
from firedoor.errors import StepError
from firedoor.incident import Outcome
from tests.faking import Fakes
from tests.killing import Killed, attempt
from tests.sinks.conftest import Stage, Staging
from tests.sinks.kubernetes_replay import replay

PLACE = "k8s:gateway/keys?key=openai"
NOWHERE = "k8s:nowhere/keys?key=openai"
RECORDED = Path(__file__).with_name("kubernetes-1.20.2.json")


@pytest.fixture
def cluster(fakes: Fakes) -> FakeKubernetes:
    """An API server."""
    return fakes(FakeKubernetes())


@pytest.fixture
def stage(staging: Staging, cluster: FakeKubernetes) -> Stage:
    """firedoor may write there, and the leaked key is in a Secret with another one."""
    made = staging(k8s={"base_url": cluster.url, "token": cluster.token})
    cluster.put("keys", openai=made.key.value, other="kept")
    return made


def test_the_fake_answers_as_a_real_api_server_did(cluster: FakeKubernetes) -> None:
    """Every call of the recording gets the same status and the same body."""
    cluster.users["admin"], cluster.may["admin"] = "admin", {"get", "patch", "create"}
    cluster.everywhere.add("admin")
    tokens = {user: token for token, user in cluster.users.items()} | {"stranger": "bad"}
    recorded = json.loads(RECORDED.read_text())
    with httpx.Client(base_url=cluster.url, trust_env=False) as client:
        answers = replay(client, recorded, tokens)
    for one, (status, answer) in zip(recorded, answers, strict=True):
        assert (status, answer) == (one["status"], one["answer"]), f"{one['as']} {one['method']} {one['path']}"


@pytest.mark.parametrize("exists", [True, False], ids=["there", "new"])
@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage, cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, *, mode: str, after: bool, exists: bool
) -> None:
    """Our key of the Secret is the one that OpenAI has, the other as it was."""
    if not exists:
        del cluster.secrets_now["keys"]
    ended = stage.killed(monkeypatch, PLACE, mode=mode, after=after)
    (left,) = stage.openai.keys.values()
    assert cluster.data("keys") == {"openai": left.value, **({"other": "kept"} if exists else {})}
    assert any("until they are started again" in one.says for one in ended.evidence)


def test_a_key_that_the_secret_does_not_have_yet_is_added(stage: Stage, cluster: FakeKubernetes) -> None:
    """Beside the others; a second rotation leaves the first one's mark."""
    stage.rotated("k8s:gateway/keys?key=new.one")
    (left,) = stage.openai.keys.values()
    assert cluster.data("keys") == {"openai": stage.key.value, "other": "kept", "new.one": left.value}
    stage.key = stage.openai.plant("another")
    stage.rotated(PLACE)
    marks = json.loads(cluster.secrets_now["keys"]["metadata"]["annotations"][MARK])
    assert {key: one["fingerprint"] for key, one in marks.items()} == {
        key: fingerprint(SecretStr(cluster.data("keys")[key])) for key in ("new.one", "openai")
    }


@pytest.mark.parametrize("exists", [True, False], ids=["there", "new"])
def test_a_change_by_somebody_else_is_not_overwritten(stage: Stage, cluster: FakeKubernetes, *, exists: bool) -> None:
    """It comes between our look and our write: Kubernetes itself refuses, and the new key is deleted again."""
    if not exists:
        del cluster.secrets_now["keys"]
    cluster.meanwhile.append(lambda: cluster.put("keys", openai="theirs"))
    error = refused(stage)
    assert error.reason == "conflict"
    assert f"{PLACE} was changed by somebody else" in error.what
    assert cluster.data("keys") == {"openai": "theirs"}
    assert list(stage.openai.keys) == [stage.key.id]


def test_what_somebody_put_in_the_place_of_the_new_key_is_theirs(
    stage: Stage, cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """firedoor wrote and died, they wrote, and left our annotation as it was: that is a conflict, and no key of ours."""
    arguments: dict[str, Any] = {"credential": named(stage.key), "into": [PLACE], "mode": "rotation"}
    with monkeypatch.context() as patched:
        patched.setattr(K8sSink, "promote", died_after(K8sSink.promote))
        preview, ended = attempt(stage.clients, "credential.rotate", **arguments)
    assert isinstance(ended, Killed)
    assert cluster.data("keys")["openai"] != stage.key.value
    cluster.put("keys", openai="theirs")
    _, ended = attempt(stage.clients, "credential.rotate", preview, **arguments)
    assert isinstance(ended, StepError)
    assert ended.reason == "conflict"
    assert cluster.data("keys") == {"openai": "theirs"}
    assert list(stage.openai.keys) == [stage.key.id]


def test_what_others_change_beside_it_is_kept(stage: Stage, cluster: FakeKubernetes) -> None:
    """The write is refused, the Secret read again, and written: with their annotation, and with their key."""
    old = stage.key.value
    cluster.meanwhile += [
        lambda: cluster.annotate("keys", theirs="x"),
        lambda: cluster.put("keys", openai=old, other="new"),
    ]
    stage.rotated(PLACE)
    (left,) = stage.openai.keys.values()
    assert cluster.data("keys") == {"openai": left.value, "other": "new"}


def test_a_secret_that_changes_all_the_time_is_tried_again_later(stage: Stage, cluster: FakeKubernetes) -> None:
    """That is no conflict: nobody changed our key."""

    def restless() -> None:
        cluster.annotate("keys", revision=str(len(cluster.log)))
        cluster.meanwhile.append(restless)

    cluster.meanwhile.append(restless)
    error = refused(stage)
    assert error.reason == "busy"
    assert error.retryable
    assert cluster.data("keys")["openai"] == stage.key.value


@pytest.mark.parametrize(
    ("place", "spoil", "reason", "what"),
    [
        (PLACE, lambda fake: fake.put("keys", immutable=True, openai="old"), "conflict", "is immutable"),
        (PLACE, lambda fake: fake.may["firedoor"].discard("patch"), "permission_missing", "needs patch of secrets"),
        (PLACE, lambda fake: fake.may["firedoor"].clear(), "permission_missing", 'User "firedoor" cannot get'),
        (PLACE, lambda fake: fake.users.clear(), "credentials_expired", "does not accept the credential"),
        (PLACE, lambda fake: fake.secrets_now["keys"]["data"].update(openai="/w=="), "invalid_arguments", "no text"),
        (NOWHERE, lambda fake: None, "permission_missing", 'in the namespace "nowhere"'),
        (NOWHERE, lambda fake: fake.everywhere.add("firedoor"), "not_found", 'namespaces "nowhere" not found'),
        ("k8s:gateway/keys?key=a/b", lambda fake: None, "invalid_arguments", "data[a/b] is not valid"),
    ],
    ids=["immutable", "read-only", "nothing", "token", "bytes", "namespace-403", "namespace-404", "key"],
)
def test_what_cannot_be_written_is_a_sentence(
    stage: Stage,
    cluster: FakeKubernetes,
    place: str,
    spoil: Callable[[FakeKubernetes], object],
    reason: str,
    what: str,
) -> None:
    """What is wrong is said; the Secret is as it was, and no key is left over."""
    spoil(cluster)
    before = json.dumps(cluster.secrets_now)
    error = refused(stage, place)
    assert error.reason == reason
    assert what in error.what
    assert "canary" not in str(error)
    assert json.dumps(cluster.secrets_now) == before
    assert list(stage.openai.keys) == [stage.key.id]


def test_a_table_that_people_look_into_is_the_right_one(stage: Stage, cluster: FakeKubernetes) -> None:
    """The token of the sink stands in [sinks.k8s], not among the providers'."""
    cluster.users.clear()
    assert "[sinks.k8s]" in refused(stage).next


def test_it_is_refused_before_another_sink_has_the_value(
    fakes: Fakes, staging: Staging, cluster: FakeKubernetes
) -> None:
    """The dry run finds out that the Secret is immutable: Doppler, which comes first, keeps its value."""
    doppler = fakes(FakeDoppler())
    stage = staging(
        doppler={"base_url": doppler.url, "token": doppler.token},
        k8s={"base_url": cluster.url, "token": cluster.token},
    )
    doppler.secrets_now["OPENAI"] = stage.key.value
    cluster.put("keys", immutable=True, openai=stage.key.value)
    error = refused(stage, "doppler:gateway/prd/OPENAI", PLACE)
    assert "is immutable" in error.what
    assert doppler.secrets_now["OPENAI"] == stage.key.value
    assert list(stage.openai.keys) == [stage.key.id]


def test_a_sink_that_refuses_after_the_dry_run_leaves_nothing_behind(stage: Stage, cluster: FakeKubernetes) -> None:
    """An admission rule, say: the new key is deleted again. What the server says of the Secret is not repeated."""
    causes = [{"field": "patch", "message": "canary-of-the-whole-secret"}]
    refusal = Said(422, {"message": "canary-of-the-whole-secret", "details": {"causes": causes}})
    cluster.faults += [Fault("PATCH", ".*", instead=said) for said in (Said(200, {}), refusal)]
    error = refused(stage)
    assert "patch is not valid" in error.what
    assert "canary" not in str(error)
    assert cluster.data("keys")["openai"] == stage.key.value
    assert list(stage.openai.keys) == [stage.key.id]


def test_the_old_key_lives_until_pods_had_their_time(stage: Stage, cluster: FakeKubernetes) -> None:
    """When the value changed stands in the annotation: Kubernetes itself does not tell."""
    arguments: dict[str, Any] = {"credential": named(stage.key), "into": [PLACE], "mode": "rotation", "grace": 600}
    preview, error = attempt(stage.clients, "credential.rotate", **arguments)
    assert isinstance(error, StepError)
    assert error.reason == "not_yet"
    assert len(stage.openai.keys) == 2
    mark = cluster.secrets_now["keys"]["metadata"]["annotations"][MARK]
    cluster.annotate("keys", **{MARK: re.sub(r'"at": "\d{4}', '"at": "2025', mark)})
    _, ended = attempt(stage.clients, "credential.rotate", preview, **arguments)
    assert isinstance(ended, Outcome)
    assert stage.key.id not in stage.openai.keys


@pytest.mark.parametrize("text", ["{", "[]", '{"openai": 1}', '{"openai": {"fingerprint": 1}}'])
def test_an_annotation_that_somebody_spoilt_is_as_good_as_none(
    stage: Stage, cluster: FakeKubernetes, text: str
) -> None:
    """The value counts, whatever is said of it."""
    cluster.annotate("keys", **{MARK: text})
    stage.rotated(PLACE)
    (left,) = stage.openai.keys.values()
    assert cluster.data("keys")["openai"] == left.value


def test_a_reference_reads_one_key(stage: Stage) -> None:
    """For the secrets that firedoor itself needs."""
    assert stage.clients.secret(PLACE) == SecretStr(stage.key.value)
    with pytest.raises(StepError, match="no value at k8s:gateway/keys"):
        stage.clients.secret("k8s:gateway/keys?key=absent")


class ClusterOverTls(FakeKubernetes):
    """An API server whose certificate an authority of the cluster's own signed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.ca_file, self._certificate = certified(folder)

    @property
    def url(self) -> str:
        """By https."""
        return super().url.replace("http:", "https:")

    def start(self) -> None:
        """Listen, and shake hands."""
        super().start()
        assert self._server
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)


def test_an_authority_of_the_clusters_own_is_trusted_by_its_file(
    fakes: Fakes, staging: Staging, tmp_path: Path
) -> None:
    """And by nothing else: without the file, and with another one, it is a sentence that says what to do."""
    cluster = fakes(ClusterOverTls(tmp_path))
    reached = {"base_url": cluster.url, "token": cluster.token}
    stage = staging(k8s={**reached, "ca_file": str(cluster.ca_file)})
    cluster.put("keys", openai=stage.key.value)
    stage.rotated(PLACE)
    (left,) = stage.openai.keys.values()
    assert cluster.data("keys") == {"openai": left.value}
    with pytest.raises(StepError, match="a certificate that firedoor has no reason to trust") as raised:
        staging(k8s=reached).clients.sink(PLACE).look()
    assert "as ca_file in [sinks.k8s]" in raised.value.next
    assert not raised.value.retryable
    (tmp_path / "empty").write_text("no certificate")
    for name in ("empty", "absent"):
        with pytest.raises(StepError, match=rf"{name}, holds no certificates that can be read: \S+"):
            staging(k8s={**reached, "ca_file": str(tmp_path / name)}).clients.sink(PLACE)


def certified(folder: Path) -> tuple[Path, Path]:
    """The file of an authority, and that of a server on 127.0.0.1 that it vouches for, with its key."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("authority", "server")]
    now = datetime.now(UTC)
    pems: list[bytes] = []
    for number in range(2):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number])
            .issuer_name(names[0])
            .public_key(keys[number].public_key())
            .serial_number(number + 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        )
        pems.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority, server = folder / "ca.crt", folder / "server.pem"
    authority.write_bytes(pems[0])
    server.write_bytes(pems[1] + key)
    return authority, server


def named(key: Key) -> dict[str, str]:
    """A key as a step names it."""
    return {"provider": "openai", "id": key.id, "scope": key.project, "name": key.name}


def died_after(call: Callable[..., object]) -> Callable[..., object]:
    """The call, whose caller dies when it is done."""

    def dying(*arguments: object) -> object:
        call(*arguments)
        raise Killed

    return dying


def refused(stage: Stage, *places: str) -> StepError:
    """A rotation in mode rotation that ends with an error."""
    into = list(places) or [PLACE]
    try:
        _, ended = attempt(stage.clients, "credential.rotate", credential=named(stage.key), into=into, mode="rotation")
    except StepError as error:
        return error
    assert isinstance(ended, StepError), ended
    return ended
