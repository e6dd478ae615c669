"""Access keys on an emulator that refuses inactive ones."""

import pytest
from botocore.exceptions import ClientError

from firedoor.errors import StepError
from firedoor.plan import Verdict
from tests.activities.performing import Performing, accounts, perform
from tests.emulators import ACCOUNT, Emulator, Keys, People


def refusal(emulator: Emulator, keys: Keys) -> str:
    """The code with which the emulator refuses `iam:ListUsers`; empty if it does not."""
    try:
        emulator.client("iam", keys).list_users()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_identify(aws: Emulator, people: People) -> None:
    """A key is traced to account, user and ARN, its status and last use, and the user's other keys."""
    key = people.user("gateway", "iam:*", path="/svc/")
    other = people.key("gateway")
    assert refusal(aws, key) == ""
    outcome = perform(accounts(aws), "aws.iam.identify_access_key", access_key_id=key.access_key_id)
    assert outcome.result["account"] == ACCOUNT
    assert outcome.result["user_name"] == "gateway"
    assert outcome.result["principal_arn"] == f"arn:aws:iam::{ACCOUNT}:user/svc/gateway"
    assert outcome.result["status"] == "Active"
    assert outcome.result["last_used_service"] == "iam"
    assert [one["access_key_id"] for one in outcome.result["siblings"]] == [other.access_key_id]
    assert outcome.evidence[0].source == "iam:GetAccessKeyLastUsed"
    assert outcome.evidence[0].request_id


def test_deactivate_is_proved_by_refusal(aws: Emulator, people: People) -> None:
    """The key works before and is refused after; another user's key goes on working."""
    leaked, production = people.user("leaked", "iam:*"), people.user("production", "iam:*")
    assert refusal(aws, leaked) == ""
    outcome = perform(accounts(aws), "aws.iam.deactivate_access_key", access_key_id=leaked.access_key_id)
    assert outcome.verdict is Verdict.CONTAINED
    assert outcome.changed
    assert outcome.before["status"] == "Active"
    assert refusal(aws, leaked) == "InvalidClientTokenId"
    assert refusal(aws, production) == ""


def test_preview_changes_nothing(aws: Emulator, people: People) -> None:
    """Up to its preview, deactivating leaves the key alone."""
    key = people.user("leaked", "iam:*")
    step = Performing(accounts(aws), "aws.iam.deactivate_access_key", access_key_id=key.access_key_id)
    assert step.preview.change == f"{key.access_key_id} of leaked: Active → Inactive"
    assert refusal(aws, key) == ""


def test_unknown_key(aws: Emulator) -> None:
    """A key that nobody has is named in a clear sentence."""
    with pytest.raises(StepError, match="AWS knows no access key AKIAIOSFODNN7EXAMPLE") as raised:
        perform(accounts(aws), "aws.iam.identify_access_key", access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert raised.value.reason == "not_found"
    assert raised.value.changed == "Nothing was changed."
