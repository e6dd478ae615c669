"""Denies on an emulator that evaluates policies and their conditions."""

import time

from botocore.exceptions import ClientError

from firedoor.plan import Verdict
from tests.activities.performing import accounts, perform
from tests.emulators import ACCOUNT, Emulator, Keys, People


def refused(emulator: Emulator, keys: Keys) -> bool:
    """Whether the emulator refuses to list secrets."""
    try:
        emulator.client("secretsmanager", keys).list_secrets()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException"
        return True
    return False


def test_deny_sessions_of_a_user(aws: Emulator, people: People) -> None:
    """Sessions of the user die, its key too; somebody else's session lives."""
    leaked = people.user("leaked", "secretsmanager:*", "sts:*")
    production = people.session_token(people.user("production", "secretsmanager:*", "sts:*"))
    session = people.session_token(leaked)
    assert not refused(aws, session)
    outcome = perform(accounts(aws), "aws.iam.deny_sessions", principal_arn=f"arn:aws:iam::{ACCOUNT}:user/leaked")
    assert outcome.verdict is Verdict.CONTAINED
    assert refused(aws, session)
    assert refused(aws, leaked)
    assert not refused(aws, production)


def test_deny_sessions_of_a_role(aws: Emulator, people: People) -> None:
    """Old sessions of the role die; the workload assumes it again and goes on."""
    workload = people.user("workload", "sts:AssumeRole")
    role = people.role("gateway", "secretsmanager:*")
    old = people.assume(workload, role)
    assert not refused(aws, old)
    outcome = perform(accounts(aws), "aws.iam.deny_sessions", principal_arn=role)
    assert outcome.verdict is Verdict.CONTAINED
    assert outcome.result["policies"] == ["AWSRevokeOlderSessions"]
    assert refused(aws, old)
    time.sleep(1.1)
    assert not refused(aws, people.assume(workload, role))
