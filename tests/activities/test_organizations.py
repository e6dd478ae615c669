"""An account contained from outside, on moto: an SCP put, proved, taken off, and what it must never do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Verdict
from tests.activities.performing import accounts
from tests.emulators import Emulator
from tests.killing import attempt, killed_everywhere

POLICY = "SERVICE_CONTROL_POLICY"
Attempt = Callable[..., tuple[Preview, Any]]


@pytest.fixture
def organizations(moto_server: Emulator) -> Any:
    """An organization with SCPs switched on."""
    moto_server.reset("/moto-api/reset")
    client = moto_server.client("organizations")
    client.create_organization(FeatureSet="ALL")
    client.enable_policy_type(RootId=client.list_roots()["Roots"][0]["Id"], PolicyType=POLICY)
    return client


@pytest.fixture
def member(organizations: Any) -> str:
    """A member account."""
    made = organizations.create_account(Email="gateway@example.com", AccountName="gateway")
    return str(made["CreateAccountStatus"]["AccountId"])


@pytest.fixture
def clients(moto_server: Emulator, tmp_path: Path) -> Clients:
    """A worker in the management account."""
    return Clients(Settings(home=tmp_path), aws=accounts(moto_server))


def attached(organizations: Any, member: str) -> dict[str, Any]:
    """firedoor's policies on the account: name → document."""
    found = organizations.list_policies_for_target(TargetId=member, Filter=POLICY)["Policies"]
    return {
        one["Name"]: json.loads(organizations.describe_policy(PolicyId=one["Id"])["Policy"]["Content"])
        for one in found
        if one["Name"].startswith("Firedoor")
    }


def test_an_account_is_denied_from_outside_and_let_go(organizations: Any, member: str, clients: Clients) -> None:
    """Everybody but those who are excepted; the undo that its preview names takes exactly that off."""
    excepted = f"arn:aws:iam::{member}:role/break-glass"
    preview, done = attempt(clients, "aws.organizations.deny_account", member=member, except_principals=[excepted])
    assert isinstance(done, Outcome), done
    assert done.verdict is Verdict.CONTAINED
    assert f"Everybody in account {member} but {excepted} is denied everything" in done.summary
    ((name, document),) = attached(organizations, member).items()
    (statement,) = document["Statement"]
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [excepted]}}
    assert preview.blast == {"accounts": 1}
    _, again = attempt(clients, "aws.organizations.deny_account", member=member, except_principals=[excepted])
    assert isinstance(again, Outcome)
    assert again.changed is False
    assert preview.inverse is not None
    _, lifted = attempt(clients, preview.inverse.action, **preview.inverse.arguments)
    assert isinstance(lifted, Outcome)
    assert lifted.verdict is Verdict.RESTORED
    assert attached(organizations, member) == {}
    assert name not in {one["Name"] for one in organizations.list_policies(Filter=POLICY)["Policies"]}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_there_is_one_policy(
    organizations: Any, member: str, clients: Clients, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made, attached, proved: whatever is interrupted is continued with the same policy."""
    who = f"arn:aws:iam::{member}:user/deploy"
    with monkeypatch.context() as patching:
        ended, points = killed_everywhere(
            patching,
            lambda earlier: attempt(
                clients, "aws.organizations.deny_account", earlier, member=member, principals=[who]
            ),
            after=after,
        )
    assert isinstance(ended, Outcome), ended
    assert points > 5
    (document,) = attached(organizations, member).values()
    assert document["Statement"][0]["Condition"] == {"ArnLike": {"aws:PrincipalArn": [who]}}
    ours = [one for one in organizations.list_policies(Filter=POLICY)["Policies"] if one["Name"].startswith("Firedoor")]
    assert len(ours) == 1


def test_a_policy_that_somebody_changed_is_left_alone(organizations: Any, member: str, clients: Clients) -> None:
    """Theirs stays, and is said."""
    preview, _ = attempt(clients, "aws.organizations.deny_account", member=member)
    found = organizations.list_policies_for_target(TargetId=member, Filter=POLICY)["Policies"]
    theirs = next(one["Id"] for one in found if one["Name"].startswith("Firedoor"))
    document = attached(organizations, member).popitem()[1]
    document["Statement"][0]["Action"] = "s3:*"
    organizations.update_policy(PolicyId=theirs, Content=json.dumps(document))
    assert preview.inverse is not None
    with pytest.raises(StepError) as raised:
        attempt(clients, preview.inverse.action, **preview.inverse.arguments)
    assert raised.value.reason == "changed_since"
    assert attached(organizations, member)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"principals": ["arn:aws:iam::999999999999:user/x"]}, "does not belong to account"),
        (
            {"principals": ["arn:aws:iam::{member}:user/x"] * 1, "except_principals": ["arn:aws:iam::{member}:role/y"]},
            "Both",
        ),
        (
            {"principals": [f"arn:aws:iam::{{member}}:user/{'x' * 60}{number}" for number in range(70)]},
            "AWS allows 5120",
        ),
    ],
)
def test_a_policy_that_would_mean_nobody_is_refused(
    organizations: Any, member: str, clients: Clients, arguments: dict[str, Any], says: str
) -> None:
    """Another account's users, a contradiction, too many: nothing is put."""
    given: dict[str, Any] = {key: [one.format(member=member) for one in value] for key, value in arguments.items()}
    with pytest.raises(StepError, match=says):
        attempt(clients, "aws.organizations.deny_account", member=member, **given)
    assert attached(organizations, member) == {}


def test_the_management_account_is_out_of_reach(organizations: Any, clients: Clients) -> None:
    """No SCP holds there: the sentence says what does."""
    manager = organizations.describe_organization()["Organization"]["MasterAccountId"]
    with pytest.raises(StepError, match="no SCP reaches it") as raised:
        attempt(clients, "aws.organizations.deny_account", member=manager)
    assert "aws.iam.deny_sessions" in raised.value.next
