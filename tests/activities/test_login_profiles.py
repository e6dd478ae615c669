"""Console passwords."""

import pytest
from botocore.exceptions import ClientError

from firedoor.errors import StepError
from firedoor.plan import Effect, Verdict
from tests.activities.performing import Performing, accounts, perform
from tests.activities.wire import Wire, forwarded, lost, refused
from tests.emulators import ACCOUNT, Emulator, People

DELETE = "aws.iam.delete_login_profile"


def with_password(people: People, name: str) -> None:
    """A user with a console password."""
    people.user(name)
    people.emulator.client("iam").create_login_profile(UserName=name, Password="Canary-Passw0rd!")


def test_delete(aws: Emulator, people: People) -> None:
    """The password is gone afterwards; the second time there is none, which is contained too."""
    with_password(people, "leaked")
    first = perform(accounts(aws), DELETE, user_name="leaked")
    assert (first.verdict, first.changed, first.result["console_password"]) == (Verdict.CONTAINED, True, False)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.client("iam").get_login_profile(UserName="leaked")
    second = perform(accounts(aws), DELETE, user_name="leaked")
    assert (second.verdict, second.changed) == (Verdict.CONTAINED, False)
    assert "had none" in second.summary


def test_preview(aws: Emulator, people: People) -> None:
    """It is destructive, and says so; for a user without a password there is nothing to do."""
    with_password(people, "leaked")
    people.user("plain")
    step = Performing(accounts(aws), DELETE, user_name="leaked")
    assert step.preview.effect is Effect.DESTRUCTIVE
    assert step.preview.before["console_password"] is True
    assert Performing(accounts(aws), DELETE, user_name="plain").preview.blast == {}


def test_answer_lost(wire: Wire, people: People) -> None:
    """After a lost answer the next attempt finds no password and remembers that there was one."""
    with_password(people, "leaked")
    wire.on("DeleteLoginProfile", lost)
    step = Performing(accounts(wire), DELETE, user_name="leaked")
    with pytest.raises(StepError):
        step.finish()
    again = Performing(accounts(wire), DELETE, step.preview, user_name="leaked").finish()
    assert (again.verdict, again.changed) == (Verdict.CONTAINED, True)


def test_busy(wire: Wire, people: People) -> None:
    """IAM asks to come back later after a recent change: that is tried again."""
    with_password(people, "leaked")
    wire.on("DeleteLoginProfile", refused(409, "EntityTemporarilyUnmodifiable", "Try again later"))
    with pytest.raises(StepError) as raised:
        perform(accounts(wire), DELETE, user_name="leaked")
    assert (raised.value.reason, raised.value.retryable) == ("busy", True)


def test_a_password_that_comes_back(wire: Wire, people: People) -> None:
    """The deletion is accepted and the profile is still there: not contained."""
    with_password(people, "leaked")
    wire.on("DeleteLoginProfile", refused(404, "NoSuchEntity"))
    wire.on("GetLoginProfile", forwarded)
    outcome = perform(accounts(wire), DELETE, user_name="leaked")
    assert (outcome.verdict, outcome.result["console_password"]) == (Verdict.NOT_CONTAINED, True)


def test_user_that_does_not_exist(aws: Emulator) -> None:
    """No such user is an error, not a user without a password."""
    with pytest.raises(StepError) as raised:
        perform(accounts(aws), DELETE, user_name="nobody")
    assert (raised.value.reason, raised.value.what) == ("not_found", f"Account {ACCOUNT} has no IAM user nobody.")
