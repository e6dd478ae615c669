"""Up to its preview no change writes anything."""

from typing import Any

import pytest

from activities import ACTIVITIES
from firedoor.plan import Effect
from firedoor.steps import STEPS
from tests.activities.performing import Performing, accounts, perform
from tests.activities.wire import Wire
from tests.emulators import ACCOUNT, People

CHANGES = [action.contract.action for action in ACTIVITIES if action.contract.effect is not Effect.READ]


def arguments(key: str) -> dict[str, dict[str, Any]]:
    """Arguments for every change, on what the test has planted."""
    user = {"user_name": "leaked"}
    principal = {"principal_arn": f"arn:aws:iam::{ACCOUNT}:user/leaked"}
    return {
        "aws.iam.activate_access_key": {"access_key_id": key},
        "aws.iam.create_access_key": user | {"secret_id": "app"},
        "aws.iam.deactivate_access_key": {"access_key_id": key},
        "aws.iam.delete_access_key": user | {"access_key_id": key, "account": ACCOUNT},
        "aws.iam.delete_login_profile": user,
        "aws.iam.deny_principal": principal,
        "aws.iam.deny_sessions": principal,
        "aws.iam.disable_service_credentials": user,
        "aws.iam.lift_denies": principal,
        "aws.secretsmanager.put_secret": {"secret_id": "app", "value": "aws-secretsmanager:other"},
    }


def test_every_change_is_here() -> None:
    """A new change must be added to the list above."""
    assert sorted(arguments("")) == sorted(CHANGES)


@pytest.mark.parametrize("action", CHANGES)
def test_preview_only_reads(wire: Wire, people: People, action: str) -> None:
    """The calls on the wire until the first yield are all reads, and the preview says what would change."""
    key = people.user("leaked")
    manager = wire.emulator.client("secretsmanager")
    manager.create_secret(Name="app", SecretString="{}")
    manager.create_secret(Name="other", SecretString="canary")
    step = Performing(accounts(wire), action, **arguments(key.access_key_id)[action])
    assert step.preview.change
    assert wire.calls
    assert wire.writes() == []


#: A new key is always new; a deny of old sessions names a new moment each time.
NEVER_ALREADY = {"aws.iam.create_access_key", "aws.iam.deny_sessions"}


@pytest.mark.parametrize("action", sorted(set(CHANGES) - NEVER_ALREADY))
def test_preview_says_that_there_is_nothing_to_change(wire: Wire, people: People, action: str) -> None:
    """Where a change is due it is counted; once it is made, the next preview counts nothing and offers no undo."""
    key = people.user("leaked")
    iam, manager = (wire.emulator.client(name) for name in ("iam", "secretsmanager"))
    iam.create_login_profile(UserName="leaked", Password="Canary-password-1")
    iam.create_service_specific_credential(UserName="leaked", ServiceName="bedrock.amazonaws.com")
    manager.create_secret(Name="app", SecretString="old")
    manager.create_secret(Name="other", SecretString="canary")
    aws, given = accounts(wire), arguments(key.access_key_id)
    opposite = {
        "aws.iam.activate_access_key": "aws.iam.deactivate_access_key",
        "aws.iam.lift_denies": "aws.iam.deny_principal",
    }
    if action in opposite:
        perform(aws, opposite[action], **given[opposite[action]])
    due = Performing(aws, action, **given[action])
    assert "already" not in due.preview.change
    assert due.preview.blast.keys() == STEPS[action].blast.keys()
    assert due.finish().changed
    again = Performing(aws, action, **given[action]).preview
    assert " already " in again.change
    assert again.change.endswith(": nothing to change")
    assert (again.blast, again.undo) == ({}, "")
