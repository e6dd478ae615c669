"""What `doctor` says of AWS, asked of an emulator that evaluates policies."""

import json

import pytest

from firedoor.app import shipped_runbooks
from firedoor.cli.permissions import check, principal_of, verdict
from firedoor.compiler import compile_runbook
from firedoor.config import Aws, AwsAccount
from firedoor.steps.policy import policy_document
from firedoor.steps.simulation import example_of
from tests.emulators import ACCOUNT, Emulator, Keys, People

#: The shipped runbooks that need anything of AWS.
PLANS = [plan for path in shipped_runbooks() if policy_document(plan := compile_runbook(path))["Statement"]]


@pytest.fixture(scope="module")
def aws(ministack_server: Emulator) -> Emulator:
    """An AWS that checks credentials and policies."""
    ministack_server.reset()
    return ministack_server


def become(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the AWS SDK find these credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    if keys.token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", keys.token)


def test_all_permissions(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who firedoor is, where it asks, and that each runbook may do all it needs."""
    become(People(aws).user("mighty", "*"), monkeypatch)
    identity, *runbooks = check(Aws(endpoint_url=aws.url), PLANS)
    assert (identity.level, identity.says) == ("ok", f"arn:aws:iam::{ACCOUNT}:user/mighty, at {aws.url}")
    assert [one.level for one in runbooks] == ["ok"] * len(PLANS)
    assert "may do all it needs" in runbooks[0].says


def test_a_missing_permission_is_named(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the policy that would grant it."""
    become(People(aws).user("weak", "iam:Simulate*", "iam:Get*", "iam:List*", "sts:*"), monkeypatch)
    _, first, *_ = check(Aws(endpoint_url=aws.url), PLANS)
    assert first.level == "fail"
    assert "iam:UpdateAccessKey (implicitDeny)" in first.says
    assert f"firedoor steps --policy {PLANS[0].name}" in first.next


def test_what_may_not_be_asked_is_not_called_well(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the simulator the answer is: could not be checked."""
    become(People(aws).user("blind", "sts:*"), monkeypatch)
    _, simulated = check(Aws(endpoint_url=aws.url), PLANS)
    assert simulated.level == "warn"
    assert "could not be checked" in simulated.says
    assert "iam:SimulatePrincipalPolicy" in simulated.next


def test_a_root_user_is_not_called_powerless(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's simulator says nothing about it: one remark, and no list of all there is."""
    become(Keys("test", "test"), monkeypatch)
    _, simulated = check(Aws(endpoint_url=aws.url), PLANS)
    assert simulated.level == "warn"
    assert "root user" in simulated.says


def test_credentials_that_are_refused(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's own words, and where to read on."""
    become(Keys("AKIAIOSFODNN7EXAMPLE", "not-a-real-secret"), monkeypatch)
    (identity,) = check(Aws(endpoint_url=aws.url), PLANS)
    assert identity.level == "fail"
    assert "InvalidClientTokenId" in identity.says
    assert "not-a-real-secret" not in identity.says


def test_roles_in_accounts(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each configured account is asked as the role there; one that cannot be assumed is a failure of its own."""
    people = People(aws)
    become(people.user("traveller", "*"), monkeypatch)
    there = people.role("responder", "*", external_id="agreed")
    accounts = {
        "111111111111": AwsAccount(role_arn=there, external_id="agreed"),
        "222222222222": AwsAccount(role_arn="arn:aws:iam::222222222222:role/not-there"),
    }
    found = list(check(Aws(endpoint_url=aws.url, accounts=accounts), PLANS))
    of = {number: [one for one in found if one.subject == f"AWS account {number}"] for number in accounts}
    assert "assumed-role/responder" in of["111111111111"][0].says
    assert [one.level for one in of["111111111111"]] == ["ok"] * (1 + len(PLANS))
    assert [one.level for one in of["222222222222"]] == ["fail"]
    assert "Let firedoor assume arn:aws:iam::222222222222:role/not-there" in of["222222222222"][0].next


def test_the_principal_of_a_session_is_its_role(aws: Emulator) -> None:
    """Its path is only known to IAM; where IAM may not be asked, the plain name is the best guess."""
    people = People(aws)
    iam = aws.client("iam")
    arn = people.role("pathless")
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/pathless/doctor"
    assert principal_of(session, iam) == arn
    assert principal_of(session.replace("pathless", "gone"), iam) == f"arn:aws:iam::{ACCOUNT}:role/gone"
    assert principal_of(f"arn:aws:iam::{ACCOUNT}:user/x", iam) == f"arn:aws:iam::{ACCOUNT}:user/x"


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        ("*", "*"),
        ("arn:aws:iam::*:user/*", f"arn:aws:iam::{ACCOUNT}:user/firedoor-doctor"),
        ("arn:aws:iam::123456789012:user/ada", "arn:aws:iam::123456789012:user/ada"),
        (
            "arn:aws:secretsmanager:*:*:secret:x-??????",
            f"arn:aws:secretsmanager:firedoor-doctor:{ACCOUNT}:secret:x-AbCdEf",
        ),
    ],
)
def test_examples_of_resources(pattern: str, example: str) -> None:
    """The simulator takes names, not patterns."""
    assert example_of(pattern, ACCOUNT) == example


def test_one_refusal_of_several_resources_counts() -> None:
    """A permission that holds on some resources only is missing."""
    finding = verdict("AWS", "x", {"iam:GetUser": "allowed", "iam:GetRole": "explicitDeny"})
    assert finding.level == "fail"
    assert "lacks iam:GetRole (explicitDeny)" in finding.says


def test_places_of_the_inventory_are_asked_about(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rotation writes no plan names: each secret and parameter that the inventory knows, in its account."""
    people = People(aws)
    become(people.user("rotator", "iam:Simulate*", "iam:Get*", "iam:List*", "sts:*"), monkeypatch)
    statement = {
        "Effect": "Allow",
        "Action": ["secretsmanager:*", "ssm:*"],
        "Resource": ["arn:aws:secretsmanager:eu-west-1:*:secret:gateway/*", "arn:aws:ssm:*:*:parameter/gateway/*"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_user_policy(UserName="rotator", PolicyName="sinks", PolicyDocument=document)
    well = ["aws-sm:gateway/openai?region=eu-west-1", "aws-ssm:/gateway/x", "vault:secret/x", "env:FIREDOOR_SECRET_X"]
    _, found = check(Aws(endpoint_url=aws.url), [], well)
    assert (found.level, found.says) == ("ok", "the inventory's places here may be read and replaced (2 places)")
    _, found = check(Aws(endpoint_url=aws.url), [], [*well, "aws-sm:gateway/openai", "aws-sm:other?account=1"])
    assert found.level == "fail"
    assert "secretsmanager:PutSecretValue on arn:aws:secretsmanager:us-east-1:" in found.says
    assert "ssm:" not in found.says
    assert "docs/reference/sinks.md" in found.next
