"""AWS as a provider, on an emulator that enforces: keys of users, service-specific credentials, sessions."""

import datetime
import json
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities._clients import Clients
from activities.aws.accounts import Accounts
from activities.providers import aws as module
from activities.providers._provider import Api
from firedoor.config import Aws, Settings
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from firedoor.providers import providers
from firedoor.steps._step import Credential
from tests.emulators import REGION, ROOT, Emulator, Keys, People
from tests.killing import attempt, killed_everywhere

AWS = providers()["aws"]
SECRET = "gateway/aws"


@pytest.fixture
def clients(aws: Emulator, tmp_path: Path) -> Generator[Clients]:
    """What a worker reaches, as root of the account."""
    settings = Settings(home=tmp_path, aws=Aws(endpoint_url=aws.url, region=REGION, settle_seconds=0.0))
    session = aws.session(ROOT)
    with closing(Clients(settings, aws=Accounts(settings.aws, session))) as made:
        yield made


@pytest.fixture
def api(clients: Clients) -> Api:
    """What the module's functions are given."""
    return clients.api(AWS)


@pytest.fixture
def leaked(aws: Emulator) -> Keys:
    """The key of a user, in a secret as most applications store it."""
    keys = People(aws).user("gateway", "s3:*")
    aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=value_of(keys).get_secret_value())
    return keys


def value_of(keys: Keys) -> SecretStr:
    """The value of a key, or of a session."""
    parts = {module.ID: keys.access_key_id, module.SECRET: keys.secret}
    return SecretStr(json.dumps(parts | ({module.TOKEN: keys.token} if keys.token else {})))


def credential(keys: Keys, **fields: str) -> Credential:
    """A key as a runbook names it."""
    return Credential(provider="aws", id=keys.access_key_id, scope="gateway", **fields)


@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_there_is_one_active_key_more_than_none(
    aws: Emulator, clients: Clients, leaked: Keys, mode: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret holds a key that AWS accepts; the leaked one is inactive and refused; there is no third."""
    arguments = {"credential": credential(leaked, where=f"aws-sm:{SECRET}").model_dump(mode="json"), "mode": mode}
    with monkeypatch.context() as patching:
        ended, points = killed_everywhere(
            patching, lambda earlier: attempt(clients, "credential.rotate", earlier, **arguments), after=after
        )
    assert isinstance(ended, Outcome), ended
    assert (ended.verdict, points > 8) == (Verdict.CONTAINED, True)
    stored = json.loads(aws.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])
    keys = aws.client("iam").list_access_keys(UserName="gateway")["AccessKeyMetadata"]
    assert {key["AccessKeyId"]: key["Status"] for key in keys} == {
        leaked.access_key_id: "Inactive",
        stored[module.ID]: "Active",
    }
    assert stored[module.SECRET] not in ended.model_dump_json()


@pytest.mark.usefixtures("changing")
def test_a_key_is_disabled_and_enabled(aws: Emulator, api: Api, leaked: Keys) -> None:
    """By the value's own answer, and by what IAM lists; the user need not be named."""
    nameless = credential(leaked).model_copy(update={"scope": ""})
    assert module.verify(api, nameless, value_of(leaked)).life == "live"
    module.revoke(api, nameless, value_of(leaked))
    assert module.look(api, nameless).life == "dead"
    assert module.verify(api, nameless, value_of(leaked)).life == "dead"
    module.enable(api, nameless)
    assert module.look(api, nameless).life == "live"
    module.delete(api, nameless)
    assert module.look(api, credential(leaked)).exists is False
    assert "did not exist" in module.delete(api, credential(leaked)).says


def test_a_session_is_tried_and_only_its_principal_can_be_denied(aws: Emulator, api: Api, leaked: Keys) -> None:
    """Its own value tells; revoking it alone is nothing that AWS has."""
    session = People(aws).session_token(leaked)
    one = Credential(provider="aws", kind="session", id=session.access_key_id)
    assert module.verify(api, one, value_of(session)).life == "live"
    stranger = Keys(session.access_key_id, "x" * 40, session.token)
    # A wrong signature is no refusal of the key: AWS says so only of one that is active.
    assert module.verify(api, one, value_of(stranger)).life == "unknown"
    with pytest.raises(StepError) as raised:
        module.revoke(api, one, value_of(session))
    assert "aws.iam.deny_sessions" in raised.value.next


def test_a_value_of_another_shape_tells_nothing(api: Api, leaked: Keys) -> None:
    """The secret alone, a list, an object without the fields: unknown, and what is missing is named."""
    for text in (leaked.secret, "[1]", '{"user": "x"}'):
        reading = module.verify(api, credential(leaked), SecretStr(text))
        assert reading.life == "unknown"
        assert module.ID in reading.evidence.says


@pytest.mark.usefixtures("changing")
def test_service_specific_credentials_are_replaced_for_the_same_service(aws: Emulator, api: Api) -> None:
    """Listed with the users' keys, made for the service of the old one, disabled, enabled, deleted."""
    People(aws).user("gateway")
    iam = aws.client("iam")
    made = iam.create_service_specific_credential(UserName="gateway", ServiceName="codecommit.amazonaws.com")
    old = Credential(
        provider="aws",
        kind="service_credential",
        id=made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"],
        scope="gateway",
    )
    kind = AWS.kind("service_credential")
    assert [one.credential.id for one in module.inventory(api, kind, "")] == [old.id]
    assert module.verify(api, old, SecretStr("x")).life == "live"
    new = module.create(api, old, "ignored")
    assert module.made(api, old, "ignored", [old.id]) == [new.credential.model_copy(update={"fingerprint": ""})]
    module.revoke(api, old, None)
    assert module.look(api, old).life == "dead"
    module.enable(api, old)
    module.delete(api, old)
    assert [one.credential.id for one in module.inventory(api, kind, "gateway")] == [new.credential.id]


def test_use_is_read_from_cloudtrail_by_region_and_address(aws: Emulator, api: Api, leaked: Keys) -> None:
    """By hour; refused calls are counted as failed."""
    aws.client("sts", leaked).get_caller_identity()
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
    uses = module.usage(api, credential(leaked), since)
    assert sum(use.requests for use in uses) >= 1
    assert all(use.address and use.region for use in uses)
    with pytest.raises(StepError, match="CloudTrail names the user"):
        module.usage(api, Credential(provider="aws", kind="service_credential", id="ACCA" + "A" * 16), since)


@pytest.mark.parametrize("hostile", ["AKIA/../x", "AKIAX\nY", "user"])
def test_a_hostile_id_reaches_nothing(api: Api, hostile: str) -> None:
    """What does not look like the id of a key is refused before anything is sent."""
    with pytest.raises(StepError, match="nothing was sent"):
        module.look(api, Credential(provider="aws", id=hostile, scope="gateway"))
