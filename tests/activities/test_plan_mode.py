"""Up to its preview no change writes anything."""

from typing import Any

import pytest

from activities import ACTIVITIES
from firedoor.plan import Effect
from tests.activities.performing import Performing, accounts
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
        "aws.iam.delete_access_key": user | {"access_key_id": key},
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
