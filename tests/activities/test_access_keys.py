"""Access keys on an emulator that refuses inactive ones."""

import json

import pytest
from botocore.exceptions import ClientError

from activities.aws import settling
from firedoor.errors import StepError
from firedoor.plan import Verdict
from tests.activities.clock import Clock
from tests.activities.performing import Performing, accounts, failure, perform
from tests.activities.wire import Wire, forwarded, lost, refused, replaced
from tests.emulators import ACCOUNT, Emulator, Keys, People

IDENTIFY = "aws.iam.identify_access_key"
DEACTIVATE = "aws.iam.deactivate_access_key"
ACTIVATE = "aws.iam.activate_access_key"
DELETE = "aws.iam.delete_access_key"
UNKNOWN = "AKIAIOSFODNN7EXAMPLE"
STALE = replaced("<Status>Inactive</Status>", "<Status>Active</Status>")


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
    outcome = perform(accounts(aws), IDENTIFY, access_key_id=key.access_key_id)
    assert outcome.result["account"] == ACCOUNT
    assert outcome.result["user_name"] == "gateway"
    assert outcome.result["principal_arn"] == f"arn:aws:iam::{ACCOUNT}:user/svc/gateway"
    assert outcome.result["status"] == "Active"
    assert outcome.result["last_used_service"] == "iam"
    assert [one["access_key_id"] for one in outcome.result["siblings"]] == [other.access_key_id]
    assert outcome.evidence[0].source == "iam:GetAccessKeyLastUsed"
    assert outcome.evidence[0].request_id


def test_identify_tells_of_quarantine(aws: Emulator, people: People) -> None:
    """A policy that AWS attached because it saw the leak is named, and not called containment."""
    key = people.user("gateway")
    arn = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
    aws.client("iam").attach_user_policy(UserName="gateway", PolicyArn=arn)
    outcome = perform(accounts(aws), IDENTIFY, access_key_id=key.access_key_id)
    assert outcome.result["quarantined"] == ["AWSCompromisedKeyQuarantineV3"]
    assert "not containment" in outcome.summary
    assert "never used" in outcome.summary


def test_identify_last_use_by_moto(moto_wire: Wire) -> None:
    """Last use, as an emulator reports it that keeps it on its own."""
    key = People(moto_wire.emulator).user("gateway")
    assert refusal(moto_wire.emulator, key) == ""
    outcome = perform(accounts(moto_wire), IDENTIFY, access_key_id=key.access_key_id)
    assert outcome.result["last_used_service"] == "iam"


@pytest.mark.parametrize("of", ["role", "user"])
def test_identify_temporary(aws: Emulator, people: People, of: str) -> None:
    """A temporary key is traced through CloudTrail to the role, or to the user, that it was issued to."""
    user = people.user("gateway", "sts:*", "secretsmanager:*")
    role = people.role("reader", "secretsmanager:*")
    session = people.assume(user, role) if of == "role" else people.session_token(user)
    aws.client("secretsmanager", session).list_secrets()
    outcome = perform(accounts(aws), IDENTIFY, access_key_id=session.access_key_id)
    assert outcome.result["kind"] == "temporary"
    assert outcome.result["principal_arn"] == (role if of == "role" else f"arn:aws:iam::{ACCOUNT}:user/gateway")
    assert outcome.result["user_name"] == ("" if of == "role" else "gateway")
    assert "cannot be deactivated" in outcome.summary


def test_identify_temporary_without_a_call(aws: Emulator, people: People) -> None:
    """Where CloudTrail knows no call, the summary says what cannot be told."""
    session = people.session_token(people.user("gateway", "sts:*"))
    outcome = perform(accounts(aws), IDENTIFY, access_key_id=session.access_key_id)
    assert outcome.result["account"] == ACCOUNT
    assert outcome.result["principal_arn"] == ""
    assert "cannot be told yet" in outcome.summary


def test_identify_temporary_by_the_call_that_issued_it(wire: Wire, people: People) -> None:
    """CloudTrail lists a new session's key as a resource of the call that issued it."""
    user = people.user("gateway", "sts:*")
    role = people.role("reader")
    session = people.assume(user, role)
    # The emulator writes no resources down: look by name, find it by the key that asked.
    events = wire.emulator.client("cloudtrail").lookup_events()["Events"]
    issuing = next(event for event in events if session.access_key_id in event["CloudTrailEvent"])
    by_name = replaced('"Events": []', '"Events": ' + json.dumps([{"CloudTrailEvent": issuing["CloudTrailEvent"]}]))
    wire.on("LookupEvents", forwarded, by_name)
    outcome = perform(accounts(wire), IDENTIFY, access_key_id=session.access_key_id)
    assert outcome.result["principal_arn"] == role


def test_list(aws: Emulator, people: People) -> None:
    """Both keys of a user, and how many are active."""
    key = people.user("gateway")
    other = people.key("gateway")
    perform(accounts(aws), DEACTIVATE, access_key_id=other.access_key_id)
    outcome = perform(accounts(aws), "aws.iam.list_access_keys", user_name="gateway")
    found = {one["access_key_id"]: one["status"] for one in outcome.result["keys"]}
    assert found == {key.access_key_id: "Active", other.access_key_id: "Inactive"}
    assert outcome.result["active"] == 1


def test_deactivate_is_proved_by_refusal(aws: Emulator, people: People) -> None:
    """The key works before and is refused after; another user's key goes on working."""
    leaked, production = people.user("leaked", "iam:*"), people.user("production", "iam:*")
    assert refusal(aws, leaked) == ""
    outcome = perform(accounts(aws), DEACTIVATE, access_key_id=leaked.access_key_id)
    assert outcome.verdict is Verdict.CONTAINED
    assert outcome.changed
    assert outcome.before["status"] == "Active"
    assert outcome.evidence[0].source == "iam:ListAccessKeys"
    assert refusal(aws, leaked) == "InvalidClientTokenId"
    assert refusal(aws, production) == ""


def test_deactivate_again(aws: Emulator, people: People) -> None:
    """A key that is inactive already is proved to be, and nothing is said to have changed."""
    leaked = people.user("leaked")
    perform(accounts(aws), DEACTIVATE, access_key_id=leaked.access_key_id, user_name="leaked")
    outcome = perform(accounts(aws), DEACTIVATE, access_key_id=leaked.access_key_id, user_name="leaked")
    assert outcome.verdict is Verdict.CONTAINED
    assert not outcome.changed
    assert "as it was before" in outcome.summary


def test_undo(aws: Emulator, people: People) -> None:
    """Activating takes the deactivation back: the key works again."""
    key = people.user("gateway", "iam:*")
    perform(accounts(aws), DEACTIVATE, access_key_id=key.access_key_id)
    outcome = perform(accounts(aws), ACTIVATE, access_key_id=key.access_key_id)
    assert outcome.changed
    assert refusal(aws, key) == ""


def test_delete(aws: Emulator, people: People) -> None:
    """A deleted key is refused; deleting it again is a success that changes nothing."""
    key = people.user("gateway", "iam:*")
    outcome = perform(accounts(aws), DELETE, access_key_id=key.access_key_id, user_name="gateway")
    assert (outcome.verdict, outcome.changed, outcome.result["status"]) == (Verdict.CONTAINED, True, "Deleted")
    assert refusal(aws, key) == "InvalidClientTokenId"
    # With the account, as runbooks give it: the emulator makes one up from the id of a key that is gone, AWS does not.
    again = perform(accounts(aws), DELETE, access_key_id=key.access_key_id, user_name="gateway", account="000000000000")
    assert (again.verdict, again.changed) == (Verdict.CONTAINED, False)
    assert "had none before" in again.summary


def test_delete_of_another_users_key(aws: Emulator, people: People) -> None:
    """A wrong user name must not make a living key look deleted."""
    key = people.user("gateway", "iam:*")
    people.user("other")
    error = failure(accounts(aws), DELETE, access_key_id=key.access_key_id, user_name="other")
    assert error.reason == "not_found"
    assert error.what == f"{key.access_key_id} is not a key of user other, but of user gateway."
    assert refusal(aws, key) == ""


def test_preview_names_the_change_and_its_undo(aws: Emulator, people: People) -> None:
    """The preview says what will change and how to take it back."""
    key = people.user("leaked")
    step = Performing(accounts(aws), DEACTIVATE, access_key_id=key.access_key_id)
    assert step.preview.change == f"{key.access_key_id} of leaked: Active → Inactive"
    assert step.preview.inverse
    assert step.preview.inverse.words() == (
        f"{ACTIVATE} access_key_id={key.access_key_id} user_name=leaked account={ACCOUNT} expected=Inactive"
    )
    assert (step.preview.before["status"], step.preview.after["status"]) == ("Active", "Inactive")
    assert step.preview.blast == {"credentials": 1}


def test_answer_lost(wire: Wire, people: People) -> None:
    """The change happened and its answer was lost: the error says so, and the next attempt proves it."""
    key = people.user("leaked", "iam:*")
    wire.on("UpdateAccessKey", lost)
    step = Performing(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id)
    with pytest.raises(StepError) as raised:
        step.finish()
    assert raised.value.reason == "unreachable"
    assert raised.value.retryable
    assert "not known whether AWS carried out iam:UpdateAccessKey" in raised.value.changed
    again = Performing(accounts(wire), DEACTIVATE, step.preview, access_key_id=key.access_key_id).finish()
    assert (again.verdict, again.changed, again.before["status"]) == (Verdict.CONTAINED, True, "Active")
    assert wire.calls.count("UpdateAccessKey") == 1


def test_delete_answer_lost(wire: Wire, people: People) -> None:
    """After a deletion whose answer was lost, the next attempt finds the key gone and keeps the state before."""
    key = people.user("leaked")
    wire.on("DeleteAccessKey", lost)
    step = Performing(accounts(wire), DELETE, access_key_id=key.access_key_id, user_name="leaked")
    with pytest.raises(StepError):
        step.finish()
    again = Performing(
        accounts(wire), DELETE, step.preview, access_key_id=key.access_key_id, user_name="leaked"
    ).finish()
    assert (again.changed, again.before["status"], again.result["status"]) == (True, "Active", "Deleted")


def test_stale_answers_are_waited_for(wire: Wire, people: People) -> None:
    """Contained only after a whole window of good readings: a stale one in between starts it again."""
    key = people.user("leaked")
    wire.on("ListAccessKeys", forwarded, STALE, forwarded, STALE)
    outcome = perform(accounts(wire, settle_seconds=0.3), DEACTIVATE, access_key_id=key.access_key_id)
    assert outcome.verdict is Verdict.CONTAINED
    assert wire.calls.count("ListAccessKeys") >= 6


def test_a_key_that_stays_active_is_not_contained(wire: Wire, people: People) -> None:
    """AWS accepts the change and goes on showing the key as active: never called contained."""
    key = people.user("leaked")
    wire.on("ListAccessKeys", forwarded)
    wire.always["ListAccessKeys"] = STALE
    outcome = perform(accounts(wire, settle_seconds=0.1), DEACTIVATE, access_key_id=key.access_key_id)
    assert outcome.verdict is Verdict.NOT_CONTAINED
    assert outcome.result["status"] == "Active"
    assert "changes it back" in outcome.summary


def test_activation_that_does_not_hold_is_tried_again(wire: Wire, people: People) -> None:
    """An undo has no verdict: what does not read back is an error that Temporal retries."""
    key = people.user("gateway")
    perform(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id)
    wire.on("ListAccessKeys", forwarded)
    wire.always["ListAccessKeys"] = replaced("<Status>Active</Status>", "<Status>Inactive</Status>")
    error = failure(accounts(wire), ACTIVATE, access_key_id=key.access_key_id)
    assert (error.reason, error.retryable) == ("not_stable", True)
    assert "AWS accepted" in error.changed


def test_reading_back_fails(wire: Wire, people: People) -> None:
    """What fails after the change says that the change was accepted."""
    key = people.user("leaked")
    wire.on("ListAccessKeys", forwarded, refused(400, "Throttling", "Rate exceeded"))
    error = failure(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id)
    assert error.reason == "throttled"
    assert error.changed == f"AWS accepted that {key.access_key_id} becomes Inactive, but it is not confirmed."


def test_unknown_key(aws: Emulator) -> None:
    """A key that nobody has is named in a clear sentence."""
    for action in (IDENTIFY, DEACTIVATE, ACTIVATE):
        error = failure(accounts(aws), action, access_key_id=UNKNOWN)
        assert (error.reason, error.what) == ("not_found", f"AWS knows no access key {UNKNOWN}.")
        assert error.changed == "Nothing was changed."


def test_unknown_to_iam(aws: Emulator) -> None:
    """A key id that STS can place in an account, but that IAM does not have (any more)."""
    error = failure(accounts(aws), IDENTIFY, access_key_id=UNKNOWN, account=ACCOUNT)
    assert error.reason == "not_found"


def test_key_deleted_while_it_is_identified(wire: Wire, people: People) -> None:
    """IAM still knows a last use, but the user has the key no more."""
    key = people.user("gateway")
    wire.on("ListAccessKeys", replaced(key.access_key_id, "AKIAXXXXXXXXXXXXXXXX"))
    assert failure(accounts(wire), IDENTIFY, access_key_id=key.access_key_id).reason == "not_found"


def test_wrong_user(wire: Wire, people: People) -> None:
    """A key that belongs to somebody else, and a user that does not exist, are told apart."""
    key = people.user("gateway")
    people.user("other")
    error = failure(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id, user_name="other")
    assert error.reason == "not_found"
    assert error.what == f"User other of account {ACCOUNT} has no access key {key.access_key_id}."
    wire.on("ListAccessKeys", refused(404, "NoSuchEntity", "The user with name nobody cannot be found."))
    error = failure(accounts(wire), DEACTIVATE, access_key_id=key.access_key_id, user_name="nobody")
    assert (error.reason, error.what) == ("not_found", f"Account {ACCOUNT} has no IAM user nobody.")


def test_temporary_keys_cannot_be_changed(aws: Emulator) -> None:
    """For a temporary key the error names the step that helps; above all it does not look deleted."""
    for action in (DEACTIVATE, ACTIVATE, DELETE):
        error = failure(accounts(aws), action, access_key_id="ASIAIOSFODNN7EXAMPLE", user_name="leaked")
        assert error.reason == "invalid_arguments"
        assert "aws.iam.deny_sessions" in error.next


def test_key_of_the_root_user(wire: Wire, people: People) -> None:
    """A root key cannot be changed through IAM; the error says where it can."""
    key = people.user("gateway")
    wire.on("GetAccessKeyLastUsed", replaced("gateway", "&lt;root_account&gt;"))
    error = failure(accounts(wire), IDENTIFY, access_key_id=key.access_key_id)
    assert error.reason == "conflict"
    assert "root user" in error.what


def test_last_reading_good_but_not_stable(wire: Wire, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good answers that came too late to be stable are unknown, not contained."""
    key = people.user("leaked")
    clock = Clock()
    monkeypatch.setattr(settling, "time", clock)
    wire.on("ListAccessKeys", forwarded, *[STALE] * 29)
    outcome = perform(accounts(wire, settle_seconds=10), DEACTIVATE, access_key_id=key.access_key_id)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "have not been stable" in outcome.summary


def test_missing_permission_is_named(aws: Emulator, people: People) -> None:
    """Who lacks what, in AWS's words, before anything is changed."""
    key = people.user("leaked")
    responder = people.user("responder", "sts:*", "iam:List*", "iam:Get*")
    error = failure(accounts(aws, responder), DEACTIVATE, access_key_id=key.access_key_id)
    assert (error.reason, error.retryable) == ("permission_missing", False)
    assert error.what == f"arn:aws:iam::{ACCOUNT}:user/responder lacks the permission iam:UpdateAccessKey."
    assert "Grant iam:UpdateAccessKey" in error.next


def test_identify_without_permission_says_that_the_key_may_be_gone(wire: Wire, people: People) -> None:
    """AWS gives one answer for no permission and for no such key."""
    key = people.user("gateway")
    wire.on("GetAccessKeyLastUsed", refused(403, "AccessDenied", "not authorized"))
    error = failure(accounts(wire), IDENTIFY, access_key_id=key.access_key_id)
    assert error.reason == "permission_missing"
    assert "does not exist (any more)" in error.next


def test_delete_passes_errors_of_sts_on(wire: Wire, people: People) -> None:
    """Only an unknown key is looked for in firedoor's own account; other errors are errors."""
    key = people.user("gateway")
    wire.on("GetAccessKeyInfo", refused(400, "Throttling"))
    assert failure(accounts(wire), DELETE, access_key_id=key.access_key_id, user_name="gateway").reason == "throttled"
