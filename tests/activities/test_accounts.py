"""Which account, as whom, and what AWS refuses."""

import pytest
from botocore import exceptions as boto

from activities._guard import MAY_CHANGE
from activities.aws.accounts import Accounts
from activities.aws.errors import from_botocore
from firedoor.config import Aws
from firedoor.errors import StepError
from firedoor.local import free_port
from tests.activities.performing import accounts, failure, perform
from tests.activities.wire import Wire, refused, refused_json
from tests.emulators import ACCOUNT, REGION, Emulator, Keys, People

OTHER = "111122223333"
LIST = "aws.iam.list_access_keys"
IDENTIFY = "aws.iam.identify_access_key"
DEACTIVATE = "aws.iam.deactivate_access_key"
DENY = "aws.iam.deny_sessions"


@pytest.fixture
def others(aws: Emulator) -> People:
    """People of another account: there a key of twelve digits is root."""
    return People(aws, Keys(OTHER, "test"))


def test_key_of_another_account(aws: Emulator, others: People) -> None:
    """Without a configured role the error names the account and the lines to add."""
    key = others.user("gateway")
    for action in (IDENTIFY, DEACTIVATE):
        error = failure(accounts(aws), action, access_key_id=key.access_key_id)
        assert error.reason == "wrong_account"
        assert f"belongs to AWS account {OTHER}, but firedoor acts as arn:aws:iam::{ACCOUNT}:root" in error.what
        assert f'[aws.accounts.{OTHER}]\nrole_arn = "arn:aws:iam::{OTHER}:role/' in error.next


def test_temporary_key_of_another_account(aws: Emulator, others: People) -> None:
    """The same for a session's key."""
    session = others.session_token(others.user("gateway", "sts:*"))
    assert failure(accounts(aws), IDENTIFY, access_key_id=session.access_key_id).reason == "wrong_account"


def test_acts_in_another_account(aws: Emulator, people: People, others: People) -> None:
    """With a role there, firedoor assumes it and contains the key."""
    key = others.user("gateway", "iam:*")
    role = others.role("firedoor", "iam:*", trusts=ACCOUNT)
    responder = people.user("responder", "sts:*")
    configured = accounts(aws, responder, accounts={OTHER: {"role_arn": role}})
    outcome = perform(configured, DEACTIVATE, access_key_id=key.access_key_id)
    assert outcome.result["account"] == OTHER
    assert outcome.result["status"] == "Inactive"
    listed = aws.client("iam", Keys(OTHER, "test")).list_access_keys(UserName="gateway")["AccessKeyMetadata"]
    assert listed[0]["Status"] == "Inactive"


def test_external_id(aws: Emulator, people: People, others: People) -> None:
    """The external id goes along; a role that does not let firedoor in is a missing permission, named."""
    key = others.user("gateway")
    role = others.role("firedoor", "iam:*", trusts=ACCOUNT, external_id="agreed")
    responder = people.user("responder", "sts:*")
    right = accounts(aws, responder, accounts={OTHER: {"role_arn": role, "external_id": "agreed"}})
    assert perform(right, IDENTIFY, access_key_id=key.access_key_id).result["user_name"] == "gateway"
    wrong = accounts(aws, responder, accounts={OTHER: {"role_arn": role, "external_id": "other"}})
    error = failure(wrong, IDENTIFY, access_key_id=key.access_key_id)
    assert error.reason == "permission_missing"
    assert "sts:AssumeRole" in error.what


def test_role_of_the_wrong_account(aws: Emulator) -> None:
    """A role in the configuration that belongs elsewhere is refused before it is assumed."""
    configured = accounts(aws, accounts={OTHER: {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/firedoor"}})
    error = failure(configured, LIST, user_name="x", account=OTHER)
    assert error.reason == "wrong_account"
    assert f"aws.accounts.{OTHER} names" in error.what


def test_own_key(aws: Emulator, people: People) -> None:
    """firedoor does not shut the key that it works with."""
    own = people.user("responder", "iam:*", "sts:*")
    for action in (DEACTIVATE, "aws.iam.delete_access_key"):
        error = failure(accounts(aws, own), action, access_key_id=own.access_key_id, user_name="responder")
        assert error.reason == "refused_self"
        assert own.access_key_id in error.what
    assert aws.client("iam").list_access_keys(UserName="responder")["AccessKeyMetadata"][0]["Status"] == "Active"


def test_own_principal(aws: Emulator, people: People) -> None:
    """firedoor denies nothing to the user that it acts as, nor to a role that it assumes, whatever the path."""
    own = people.user("responder", "iam:*", "sts:*", path="/security/")
    role = f"arn:aws:iam::{ACCOUNT}:role/security/firedoor"
    acting = accounts(aws, own, accounts={ACCOUNT: {"role_arn": role}})
    for arn in (f"arn:aws:iam::{ACCOUNT}:user/responder", f"arn:aws:sts::{ACCOUNT}:assumed-role/firedoor/x"):
        for action in (DENY, "aws.iam.deny_principal"):
            assert failure(acting, action, principal_arn=arn).reason == "refused_self"


def test_own_role(aws: Emulator, people: People) -> None:
    """The same where firedoor's own credentials are a role's session."""
    role = people.role("responder", "iam:*", "sts:*")
    session = people.assume(people.user("starter", "sts:*"), role)
    assert failure(accounts(aws, session), DENY, principal_arn=role).reason == "refused_self"


def test_own_key_is_found_again_after_it_was_renewed(aws: Emulator, people: People) -> None:
    """A session with new credentials is a new identity: nothing is remembered of the old one."""
    first, second = people.user("first", "sts:*"), people.user("second", "sts:*")
    session = aws.session(first)
    acting = Accounts(Aws(region=REGION, endpoint_url=aws.url), session)
    assert acting.identity().arn.endswith("user/first")
    session._session.set_credentials(second.access_key_id, second.secret)
    acting.refuse_own_key(first.access_key_id)
    with pytest.raises(StepError, match=second.access_key_id):
        acting.refuse_own_key(second.access_key_id)


def test_no_credentials(aws: Emulator) -> None:
    """Without any credentials the error says where to put them."""
    error = failure(Accounts(Aws(endpoint_url=aws.url)), IDENTIFY, access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert error.reason == "credentials_missing"
    assert "AWS_PROFILE" in error.next
    error = failure(Accounts(Aws(endpoint_url=aws.url)), LIST, user_name="x")
    assert error.reason == "credentials_missing"


def test_profile_that_does_not_exist(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that is named in the environment and nowhere else."""
    monkeypatch.setenv("AWS_PROFILE", "absent")
    error = failure(Accounts(Aws(endpoint_url=aws.url)), LIST, user_name="x")
    assert error.reason == "credentials_missing"
    assert "ProfileNotFound" in error.what


@pytest.mark.parametrize(
    ("raised", "reason", "retryable"),
    [
        (boto.UnauthorizedSSOTokenError(), "credentials_expired", False),
        (boto.ReadTimeoutError(endpoint_url="https://iam.test"), "unreachable", True),
        (boto.ParamValidationError(report="canary-secret-value"), "provider_error", False),
    ],
)
def test_what_botocore_says_itself(raised: boto.BotoCoreError, reason: str, retryable: bool) -> None:
    """Errors without an answer of AWS; nothing of the request is in the sentence."""
    error = from_botocore(raised, "iam:UpdateAccessKey", "https://iam.test")
    assert (error.reason, error.retryable) == (reason, retryable)
    assert "canary" not in str(error)


def test_unreachable() -> None:
    """An endpoint that nobody listens at is named."""
    port = free_port()
    nowhere = Accounts(Aws(endpoint_url=f"http://127.0.0.1:{port}"), Emulator(port).session())
    error = failure(nowhere, IDENTIFY, access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert (error.reason, error.retryable) == ("unreachable", True)
    assert f"http://127.0.0.1:{port}" in error.what
    assert error.changed == "Nothing was changed."


def test_dead_credentials(aws: Emulator, people: People) -> None:
    """Credentials that AWS does not know any more, with nothing of them in the error."""
    error = failure(accounts(aws, Keys("AKIADEADDEADDEADDEAD", "canary-secret-value")), LIST, user_name="x")
    assert (error.reason, error.retryable) == ("credentials_expired", False)
    assert "InvalidClientTokenId" in error.what
    assert "canary" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "reason", "retryable"),
    [
        (400, "Throttling", "throttled", True),
        (400, "ThrottlingException", "throttled", True),
        (409, "EntityTemporarilyUnmodifiable", "busy", True),
        (409, "ConcurrentModification", "busy", True),
        (403, "ExpiredToken", "credentials_expired", False),
        (403, "AccessDenied", "permission_missing", False),
        (409, "LimitExceeded", "limit_reached", False),
        (500, "ServiceFailure", "provider_error", True),
        (400, "InvalidAction", "provider_error", False),
        (400, "ValidationError", "invalid_arguments", False),
    ],
)
def test_what_aws_answers(wire: Wire, people: People, status: int, code: str, reason: str, retryable: bool) -> None:
    """Each of AWS's codes has one reason, and a retry only where one can help."""
    key = people.user("leaked")
    wire.on("UpdateAccessKey", refused(status, code, "because"))
    error = failure(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id)
    assert (error.reason, error.retryable) == (reason, retryable)
    in_doubt = "It is not known whether AWS carried out iam:UpdateAccessKey"
    assert error.changed.startswith(in_doubt if status == 500 else "Nothing was changed.")


def test_explicit_deny_and_resource_are_named(wire: Wire, people: People) -> None:
    """AWS's own words on who lacks what, on which resource, and that a policy denies it."""
    key = people.user("leaked")
    says = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/ir/x is not authorized to perform: iam:UpdateAccessKey on resource: "
        f"user leaked with an explicit deny in a service control policy"
    )
    wire.on("UpdateAccessKey", refused(403, "AccessDenied", says))
    error = failure(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id)
    assert "assumed-role/ir/x lacks the permission iam:UpdateAccessKey on user" in error.what
    assert "(a policy denies it explicitly)" in error.what


def test_secret_values_are_not_quoted(wire: Wire, people: People) -> None:
    """AWS's words about a call that holds a secret are withheld."""
    wire.emulator.client("secretsmanager").create_secret(Name="app", SecretString="old")
    says = "1 validation error detected: Value 'canary-secret-value' at 'secretString' failed"
    wire.on("PutSecretValue", refused_json(400, "ValidationException", says))
    acting = Accounts(
        Aws(settle_seconds=0, endpoint_url=wire.url), wire.session(), {"FIREDOOR_SECRET_NEW": "canary-secret-value"}
    )
    error = failure(acting, "aws.secretsmanager.put_secret", secret_id="app", value="env:FIREDOOR_SECRET_NEW")
    assert error.reason == "invalid_arguments"
    assert "canary" not in str(error)
    assert "withheld" in error.what


def test_values_of_parameters_are_not_quoted(wire: Wire) -> None:
    """Parameter Store's words neither."""
    says = "1 validation error detected: Value 'canary-secret-value' at 'value' failed"
    wire.on("PutParameter", refused_json(400, "ValidationException", says))
    ssm = Accounts(Aws(endpoint_url=wire.url, region=REGION), wire.session()).service("ssm")
    token = MAY_CHANGE.set(True)
    try:
        with pytest.raises(StepError) as raised:
            ssm("PutParameter", Name="/app", Value="canary-secret-value", Type="SecureString")
    finally:
        MAY_CHANGE.reset(token)
    assert "canary" not in str(raised.value)
    assert "withheld" in raised.value.what
