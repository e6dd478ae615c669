"""Service-specific credentials, SSH keys and signing certificates."""

import uuid

import pytest

from firedoor.errors import StepError
from firedoor.plan import Verdict
from tests.activities.performing import Performing, accounts, perform
from tests.activities.wire import Reply, Rule, Wire, forwarded, refused, replaced
from tests.emulators import Emulator, People

DISABLE = "aws.iam.disable_service_credentials"


@pytest.fixture
def leaked(people: People) -> str:
    """A user of a new name: the emulator forgets users, but not these credentials."""
    name = f"leaked-{uuid.uuid4().hex}"
    people.user(name)
    return name


def made(aws: Emulator, user: str) -> str:
    """A long-term Bedrock API key; its id."""
    answer = aws.client("iam").create_service_specific_credential(UserName=user, ServiceName="bedrock.amazonaws.com")
    identifier: str = answer["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    return identifier


def ssh_key(status: str) -> Rule:
    """A list of SSH keys with one in it, which the emulator does not have."""
    key = (
        f"<member><UserName>x</UserName><SSHPublicKeyId>APKAEXAMPLEEXAMPLE00</SSHPublicKeyId><Status>{status}</Status>"
    )
    body = (
        "<ListSSHPublicKeysResponse><ListSSHPublicKeysResult><IsTruncated>false</IsTruncated>"
        f"<SSHPublicKeys>{key}<UploadDate>2026-11-01T00:00:00Z</UploadDate></member></SSHPublicKeys>"
        "</ListSSHPublicKeysResult></ListSSHPublicKeysResponse>"
    )
    return lambda forward: Reply(200, "text/xml", body.encode())


def done(operation: str) -> Rule:
    """An empty success."""
    return lambda forward: Reply(200, "text/xml", f"<{operation}Response/>".encode())


def test_disable(aws: Emulator, people: People, leaked: str) -> None:
    """Active ones become inactive, inactive ones stay, somebody else's are left alone."""
    people.user(f"production-{leaked}")
    first, second, theirs = made(aws, leaked), made(aws, leaked), made(aws, f"production-{leaked}")
    iam = aws.client("iam")
    iam.update_service_specific_credential(UserName=leaked, ServiceSpecificCredentialId=first, Status="Inactive")
    step = Performing(accounts(aws), DISABLE, user_name=leaked)
    assert step.preview.before == {"statuses": {first: "Inactive", second: "Active"}}
    assert step.preview.after == {"statuses": {first: "Inactive", second: "Inactive"}}
    assert step.preview.inverse
    assert step.preview.inverse.words().startswith(f"aws.iam.enable_service_credentials user_name={leaked}")
    outcome = step.finish()
    assert (outcome.verdict, outcome.changed) == (Verdict.CONTAINED, True)
    assert outcome.result["disabled"] == [second]
    assert outcome.result["inactive"] == sorted([first, second])
    listed = iam.list_service_specific_credentials(UserName=f"production-{leaked}")["ServiceSpecificCredentials"]
    assert [(one["ServiceSpecificCredentialId"], one["Status"]) for one in listed] == [(theirs, "Active")]


def test_every_kind(wire: Wire, leaked: str) -> None:
    """SSH keys go with the call of their own kind."""
    wire.on("ListSSHPublicKeys", ssh_key("Active"), ssh_key("Inactive"))
    wire.on("UpdateSSHPublicKey", done("UpdateSSHPublicKey"))
    outcome = perform(accounts(wire), DISABLE, user_name=leaked)
    assert outcome.result["disabled"] == ["APKAEXAMPLEEXAMPLE00"]
    assert "APKAEXAMPLEEXAMPLE00 Inactive" in {one.says for one in outcome.evidence}


def test_none(aws: Emulator, leaked: str) -> None:
    """A user without any is contained, and nothing changed."""
    outcome = perform(accounts(aws), DISABLE, user_name=leaked)
    assert (outcome.verdict, outcome.changed) == (Verdict.CONTAINED, False)
    assert "has no service-specific credentials" in outcome.summary


def test_earlier_attempt(aws: Emulator, leaked: str) -> None:
    """What an earlier attempt disabled still counts as changed by this step."""
    identifier = made(aws, leaked)
    first = Performing(accounts(aws), DISABLE, user_name=leaked)
    first.finish()
    again = Performing(accounts(aws), DISABLE, first.preview, user_name=leaked).finish()
    assert (again.changed, again.result["disabled"]) == (True, [identifier])


def test_half_done_is_said(wire: Wire, leaked: str) -> None:
    """One was disabled, the next refused: the error names the first."""
    first, second = sorted([made(wire.emulator, leaked), made(wire.emulator, leaked)])
    wire.on("UpdateServiceSpecificCredential", forwarded, refused(403, "AccessDenied", "No."))
    with pytest.raises(StepError) as raised:
        perform(accounts(wire), DISABLE, user_name=leaked)
    assert raised.value.changed == f"Disabled so far: {first}."
    assert second not in raised.value.changed


def test_one_that_stays_active(wire: Wire, leaked: str) -> None:
    """A credential that still reads active is not contained."""
    identifier = made(wire.emulator, leaked)
    wire.on("ListServiceSpecificCredentials", forwarded, replaced("Inactive", "Active"))
    outcome = perform(accounts(wire), DISABLE, user_name=leaked)
    assert outcome.verdict is Verdict.NOT_CONTAINED
    assert identifier in outcome.summary
