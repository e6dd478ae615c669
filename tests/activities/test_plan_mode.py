"""Up to its preview no change writes anything, and in plan mode none can."""

import datetime
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from activities import ACTIVITIES
from activities._action import Action, Context, performs
from activities._perform import RECORDER, Performer
from activities.aws.accounts import Accounts
from activities.aws.denied import everything_denied, text_of
from firedoor.errors import StepError
from firedoor.incident import Call, Mode, Outcome, Preview, Target
from firedoor.plan import Effect
from firedoor.steps import STEPS
from firedoor.steps.aws_iam_keys import DeactivateAccessKey
from firedoor.timeline.store import Timeline
from tests.activities.performing import Performing, accounts, clients, perform
from tests.activities.wire import Wire
from tests.emulators import ACCOUNT, Emulator, People

CHANGES = {
    action.contract.action: action
    for action in ACTIVITIES
    if action.contract.effect is not Effect.READ and action.contract.action.startswith("aws.")
}
#: What takes something back needs something to take back.
OPPOSITES = {
    "aws.iam.activate_access_key": "aws.iam.deactivate_access_key",
    "aws.iam.enable_service_credentials": "aws.iam.disable_service_credentials",
    "aws.iam.lift_denies": "aws.iam.deny_principal",
    "aws.organizations.lift_deny": "aws.organizations.deny_account",
}
#: Arguments for every change, on what `planted` plants.
Planted = dict[str, dict[str, Any]]


@pytest.fixture
def planted(wire: Wire, people: People) -> Planted:
    """A user with every kind of credential, secrets with versions, and the arguments of each change on them."""
    key = people.user("leaked").access_key_id
    iam, manager = (wire.emulator.client(name) for name in ("iam", "secretsmanager"))
    iam.create_login_profile(UserName="leaked", Password="Canary-password-1")
    made = iam.create_service_specific_credential(UserName="leaked", ServiceName="bedrock.amazonaws.com")
    manager.create_secret(Name="app", SecretString="old")
    manager.create_secret(Name="other", SecretString="{}")
    first = manager.create_secret(Name="made", SecretString="{}")["VersionId"]
    second = manager.put_secret_value(SecretId="made", SecretString=json.dumps({"AccessKeyId": key}))["VersionId"]
    user = {"user_name": "leaked"}
    principal = {"principal_arn": f"arn:aws:iam::{ACCOUNT}:user/leaked"}
    service_credential = made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    scp = {"member": member_account(wire.emulator), "policy_name": "FiredoorDeny-canary"}
    return {
        "aws.iam.activate_access_key": {"access_key_id": key},
        "aws.iam.create_access_key": user | {"secret_id": "other"},
        "aws.iam.deactivate_access_key": {"access_key_id": key},
        "aws.iam.delete_access_key": user | {"access_key_id": key, "account": ACCOUNT},
        "aws.iam.delete_created_access_key": user
        | {"keys_before": [], "secret_id": "made", "made_version": second, "version_before": first},
        "aws.iam.delete_login_profile": user,
        "aws.iam.deny_principal": principal,
        "aws.iam.deny_sessions": principal,
        "aws.iam.disable_service_credentials": user,
        "aws.iam.enable_service_credentials": user | {"credentials": [service_credential]},
        "aws.iam.lift_denies": principal,
        "aws.iam.restore_denies": principal | {"policies": {"FiredoorDenyAll": text_of(everything_denied("canary"))}},
        "aws.organizations.deny_account": scp,
        "aws.organizations.lift_deny": scp,
        "aws.secretsmanager.put_secret": {"secret_id": "app", "value": "aws-sm:other"},
        "aws.secretsmanager.restore_version": {"secret_id": "made", "version_id": first, "instead_of": second},
    }


def member_account(emulator: Emulator) -> str:
    """An account of an organization whose service control policies are switched on."""
    organizations = emulator.client("organizations")
    root = organizations.list_roots()["Roots"][0]
    if "SERVICE_CONTROL_POLICY" not in {one["Type"] for one in root["PolicyTypes"]}:
        organizations.enable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    made = organizations.create_account(Email="member@example.com", AccountName="member")
    return str(made["CreateAccountStatus"]["AccountId"])


@dataclass
class NotRecording:
    """Stands where the recording interceptor stands: it must not be asked for an intent in plan mode."""

    target: Target
    timeline: Timeline
    earlier: Preview | None = None
    since: datetime.datetime | None = None
    begun: Preview | None = None
    run: str = ""

    async def intent(self, preview: Preview | None) -> None:
        """An intent means that the action goes on."""
        raise AssertionError(f"{self.target} was about to be acted on: {preview}")


async def planned(aws: Accounts, action: Action, given: dict[str, Any], home: Path, mode: Mode = Mode.PLAN) -> Preview:
    """The preview of an action, through the performer of the worker."""
    target = Target(key="0", arguments=given)
    call = Call(incident="plan-test", plan="0" * 64, step="step", targets=(target,), mode=mode)
    with (
        Timeline.open(home / "timeline.db", home / "timeline.key", "test") as timeline,
        ThreadPoolExecutor(1) as threads,
    ):
        token = RECORDER.set(NotRecording(target, timeline))
        try:
            report = await Performer(action, clients(aws), threads)(call)
        finally:
            RECORDER.reset(token)
    assert report.outcome
    assert report.outcome.preview
    return report.outcome.preview


def written(emulator: Emulator) -> list[str]:
    """The calls that CloudTrail has as changes, the newest first."""
    trail = emulator.client("cloudtrail")
    pages = [trail.lookup_events()]
    while pages[-1].get("NextToken"):
        pages.append(trail.lookup_events(NextToken=pages[-1]["NextToken"]))
    events = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    return [event["eventID"] for event in events if not event["readOnly"]]


def test_every_change_is_here(planted: Planted) -> None:
    """A new change must be added to the list above."""
    assert sorted(planted) == sorted(CHANGES)


@pytest.mark.parametrize("action", CHANGES)
async def test_plan_mode_only_reads(wire: Wire, planted: Planted, tmp_path: Path, action: str) -> None:
    """In plan mode the calls on the wire are all reads, no change is in CloudTrail, and the preview is the same twice."""
    before = written(wire.emulator)
    previews = [await planned(accounts(wire), CHANGES[action], planted[action], tmp_path) for _ in range(2)]
    assert previews[0].change
    assert len({preview.digest(action, planted[action]) for preview in previews}) == 1
    assert wire.calls
    assert wire.writes() == []
    assert written(wire.emulator) == before


@performs(DeactivateAccessKey)
def hasty(step: DeactivateAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """A faulty step: it acts before it says what it would change."""
    iam = context.aws.service("iam")
    iam("UpdateAccessKey", UserName="leaked", AccessKeyId=step.access_key_id, Status="Inactive")
    yield Preview(change="too late")


@pytest.mark.parametrize("mode", Mode)
async def test_a_step_that_acts_too_early_is_refused(wire: Wire, planted: Planted, tmp_path: Path, mode: Mode) -> None:
    """A fault in a step's code changes nothing: before the intent is durable no call but a read leaves the worker."""
    before = written(wire.emulator)
    with pytest.raises(StepError) as raised:
        await planned(accounts(wire), hasty, planted["aws.iam.deactivate_access_key"], tmp_path, mode)
    assert (raised.value.reason, raised.value.changed) == ("not_in_plan_mode", "Nothing was changed.")
    assert "iam:UpdateAccessKey" in raised.value.what
    assert written(wire.emulator) == before
    assert wire.writes() == []


@pytest.mark.parametrize("action", CHANGES)
def test_inverses_fit(wire: Wire, planted: Planted, action: str) -> None:
    """What a preview records as its inverse is the contract's undo, with arguments that fit that."""
    if action in OPPOSITES:
        perform(accounts(wire), OPPOSITES[action], **planted[OPPOSITES[action]])
    preview = Performing(accounts(wire), action, **planted[action]).preview
    contract = STEPS[action]
    assert bool(preview.inverse) == bool(contract.undo)
    if preview.inverse:
        assert preview.inverse.action == contract.undo
        STEPS[contract.undo](**preview.inverse.arguments)


#: A new key is always new; a deny of old sessions names a new moment each time.
NEVER_ALREADY = {"aws.iam.create_access_key", "aws.iam.deny_sessions"}


@pytest.mark.parametrize("action", sorted(set(CHANGES) - NEVER_ALREADY))
def test_preview_says_that_there_is_nothing_to_change(wire: Wire, planted: Planted, action: str) -> None:
    """Where a change is due it is counted; once it is made, the next preview counts nothing and offers no undo."""
    aws = accounts(wire)
    if action in OPPOSITES:
        perform(aws, OPPOSITES[action], **planted[OPPOSITES[action]])
    due = Performing(aws, action, **planted[action])
    assert "already" not in due.preview.change
    assert due.preview.blast.keys() == STEPS[action].blast.keys()
    assert due.finish().changed
    again = Performing(aws, action, **planted[action]).preview
    assert " already " in again.change
    assert again.change.endswith(": nothing to change")
    assert (again.blast, again.inverse) == ({}, None)
