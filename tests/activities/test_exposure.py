"""Which secrets a principal could read."""

import json
from typing import Any

import pytest

from firedoor.errors import StepError
from tests.activities.performing import accounts, perform
from tests.activities.wire import Reply, Wire, refused
from tests.emulators import ACCOUNT, Emulator, Keys, People

LIST = "aws.secretsmanager.list_readable"
USER = f"arn:aws:iam::{ACCOUNT}:user/gateway"


@pytest.fixture
def arns(aws: Emulator) -> dict[str, str]:
    """Three secrets: name → ARN."""
    manager = aws.client("secretsmanager")
    return {
        name: manager.create_secret(Name=name, SecretString="canary")["ARN"]
        for name in ("ai/openai", "ai/mistral", "db")
    }


def document(effect: str, resource: str) -> str:
    """A policy on reading secrets."""
    statement = {"Effect": effect, "Action": "secretsmanager:GetSecretValue", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def readable(outcome: Any) -> set[str]:
    """Names of the secrets that an outcome lists."""
    return {one["name"] for one in outcome.result["secrets"]}


def test_inline_policy(aws: Emulator, people: People, arns: dict[str, str]) -> None:
    """What an inline policy allows, and no value anywhere."""
    people.user("gateway")
    resource = "arn:aws:secretsmanager:*:*:secret:ai/*"
    aws.client("iam").put_user_policy(UserName="gateway", PolicyName="ai", PolicyDocument=document("Allow", resource))
    outcome = perform(accounts(aws), LIST, principal_arn=USER)
    assert readable(outcome) == {"ai/openai", "ai/mistral"}
    assert {one["id"] for one in outcome.result["credentials"]} == {arns["ai/openai"], arns["ai/mistral"]}
    assert outcome.result["searched"] == 3
    assert outcome.result["simulated"]
    assert "canary" not in outcome.model_dump_json()


def test_after_the_denies(aws: Emulator, people: People, arns: dict[str, str]) -> None:
    """Denies of firedoor and quarantine of AWS do not hide what could be read before."""
    people.user("gateway", "secretsmanager:*")
    quarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2"
    aws.client("iam").attach_user_policy(UserName="gateway", PolicyArn=quarantine)
    perform(accounts(aws), "aws.iam.deny_sessions", principal_arn=USER)
    outcome = perform(accounts(aws), LIST, principal_arn=USER)
    assert readable(outcome) == set(arns)
    assert outcome.result["simulated"]


def test_groups_and_managed_policies(aws: Emulator, people: People, arns: dict[str, str]) -> None:
    """Policies come from groups and from managed policies as well, and a deny among them counts."""
    people.user("gateway")
    iam = aws.client("iam")
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="gateway")
    iam.put_group_policy(GroupName="readers", PolicyName="all", PolicyDocument=document("Allow", "*"))
    arn = iam.create_policy(PolicyName="no-db", PolicyDocument=document("Deny", arns["db"]))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="gateway", PolicyArn=arn)
    assert readable(perform(accounts(aws), LIST, principal_arn=USER)) == {"ai/openai", "ai/mistral"}


def test_boundary(wire: Wire, people: People, arns: dict[str, str]) -> None:
    """A permissions boundary is handed to the simulation."""
    people.user("gateway", "secretsmanager:*")
    iam = wire.emulator.client("iam")
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=document("Allow", arns["db"]))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="gateway", PermissionsBoundary=arn)
    perform(accounts(wire), LIST, principal_arn=USER)
    assert any("PermissionsBoundaryPolicyInputList.member.1=" in body for body in wire.bodies)


def test_role(aws: Emulator, people: People, arns: dict[str, str]) -> None:
    """A role's policies count the same way."""
    role = people.role("gateway", "secretsmanager:GetSecretValue")
    assert readable(perform(accounts(aws), LIST, principal_arn=role)) == set(arns)


def test_no_policies_no_secrets(aws: Emulator, people: People) -> None:
    """Nothing is asked where there is nothing to ask."""
    people.user("gateway", "secretsmanager:*")
    outcome = perform(accounts(aws), LIST, principal_arn=USER)
    assert (outcome.result["searched"], outcome.result["simulated"]) == (0, True)
    aws.client("secretsmanager").create_secret(Name="x", SecretString="canary")
    people.user("bare")
    outcome = perform(accounts(aws), LIST, principal_arn=f"arn:aws:iam::{ACCOUNT}:user/bare")
    assert readable(outcome) == set()


def test_without_simulation_everything_counts(wire: Wire, people: People, arns: dict[str, str]) -> None:
    """Where AWS does not evaluate, every secret counts as readable, and the outcome says why."""
    people.user("gateway", "secretsmanager:*")
    wire.on("SimulateCustomPolicy", refused(403, "AccessDenied", "No."))
    outcome = perform(accounts(wire), LIST, principal_arn=USER)
    assert readable(outcome) == set(arns)
    assert not outcome.result["simulated"]
    assert "iam:SimulateCustomPolicy" in outcome.evidence[-1].says
    wire.on("SimulateCustomPolicy", refused(400, "Throttling"))
    with pytest.raises(StepError) as raised:
        perform(accounts(wire), LIST, principal_arn=USER)
    assert raised.value.reason == "throttled"


def test_real_answer_of_the_simulation(wire: Wire, people: People, arns: dict[str, str]) -> None:
    """AWS answers one result an action, with a decision for each resource inside."""
    people.user("gateway", "secretsmanager:*")
    decisions = "".join(
        f"<member><EvalResourceName>{arn}</EvalResourceName><EvalResourceDecision>"
        f"{'allowed' if name == 'db' else 'implicitDeny'}</EvalResourceDecision></member>"
        for name, arn in arns.items()
    )
    result = (
        "<member><EvalActionName>secretsmanager:GetSecretValue</EvalActionName><EvalDecision>implicitDeny</EvalDecision>"
        f"<ResourceSpecificResults>{decisions}</ResourceSpecificResults></member>"
    )
    body = (
        "<SimulateCustomPolicyResponse><SimulateCustomPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>"
        f"{result}</EvaluationResults></SimulateCustomPolicyResult></SimulateCustomPolicyResponse>"
    )
    wire.on("SimulateCustomPolicy", lambda forward: Reply(200, "text/xml", body.encode()))
    assert readable(perform(accounts(wire), LIST, principal_arn=USER)) == {"db"}


def test_principal_that_does_not_exist(aws: Emulator) -> None:
    """Nobody's secrets cannot be listed."""
    with pytest.raises(StepError) as raised:
        perform(accounts(aws), LIST, principal_arn=USER)
    assert raised.value.reason == "not_found"


def test_several_together(wire: Wire, people: People, arns: dict[str, str]) -> None:
    """What any of them could read, as places for the inventory; what one could is not asked of the others."""
    people.user("gateway")
    document_ = document("Allow", "arn:aws:secretsmanager:*:*:secret:ai/*")
    wire.emulator.client("iam").put_user_policy(UserName="gateway", PolicyName="ai", PolicyDocument=document_)
    role = people.role("reader", "secretsmanager:GetSecretValue")
    gone = USER.replace("gateway", "gone")
    outcome = perform(accounts(wire), LIST, principals=[USER, gone, role])
    assert readable(outcome) == set(arns)
    assert set(outcome.result["places"]) == {f"aws-sm:{name}" for name in arns}
    assert outcome.summary.startswith("3 principals, together, could read 3 of 3 secrets")
    assert any("gone is gone: left out" in one.says for one in outcome.evidence)
    asked = [body for body in wire.bodies if "Action=SimulateCustomPolicy" in body]
    assert [body.count("ResourceArns.member") for body in asked] == [3, 1]


def test_nobody_named_means_everything(aws: Emulator, arns: dict[str, str]) -> None:
    """After a breach of the root user."""
    outcome = perform(accounts(aws), LIST, account=ACCOUNT)
    assert readable(outcome) == set(arns)
    assert outcome.summary == "Nobody is named, so all count as readable: 3 of 3 secrets."


def test_principals_of_several_accounts(aws: Emulator, people: People, arns: dict[str, str]) -> None:
    """Each account's secrets are asked about its own; an account that is closed to firedoor is named."""
    other = Keys("111122223333", "test")
    manager = aws.client("secretsmanager", other)
    manager.create_secret(Name="theirs", SecretString="canary")
    people.user("gateway", "secretsmanager:*")
    reader = People(aws, other).role("reader", "secretsmanager:*")
    closed = perform(accounts(aws), LIST, principals=[USER, reader])
    assert readable(closed) == set(arns)
    assert "Not searched, because firedoor has no role there: 111122223333." in closed.summary
    role = People(aws, other).role("firedoor", "iam:*", "secretsmanager:*", trusts=ACCOUNT)
    acting = accounts(aws, people.user("responder", "*"), accounts={"111122223333": {"role_arn": role}})
    assert readable(perform(acting, LIST, principals=[USER, reader])) == {*arns, "theirs"}


def test_parameters(aws: Emulator, people: People) -> None:
    """Encrypted ones, by any of the calls that read one."""
    ssm = aws.client("ssm")
    for name, kind in (("/ai/openai", "SecureString"), ("/ai/url", "String"), ("/db", "SecureString")):
        ssm.put_parameter(Name=name, Value="canary", Type=kind)
    people.user("gateway")
    statement = {"Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": "arn:aws:ssm:*:*:parameter/ai/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_user_policy(UserName="gateway", PolicyName="ai", PolicyDocument=policy)
    outcome = perform(accounts(aws), "aws.ssm.list_readable", principal_arn=USER)
    assert readable(outcome) == {"/ai/openai"}
    assert outcome.result["places"][0] == "aws-ssm:/ai/openai"
    assert outcome.result["searched"] == 2
    assert "could read 1 of 2 encrypted parameters" in outcome.summary
    assert "canary" not in outcome.model_dump_json()
