"""Denies on an emulator that evaluates policies and their conditions."""

import datetime
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from activities.aws.denied import is_own
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from tests.activities.performing import Performing, accounts, failure, perform
from tests.activities.wire import Wire, forwarded, lost, refused, replaced
from tests.emulators import ACCOUNT, Emulator, Keys, People

DENY = "aws.iam.deny_sessions"
DENY_ALL = "aws.iam.deny_principal"
LIFT = "aws.iam.lift_denies"
LEAKED = f"arn:aws:iam::{ACCOUNT}:user/leaked"


def refused_now(emulator: Emulator, keys: Keys) -> bool:
    """Whether the emulator refuses to list secrets, and for want of permission."""
    code = ""
    try:
        emulator.client("secretsmanager", keys).list_secrets()
    except ClientError as error:
        code = error.response["Error"]["Code"]
    assert code in {"", "AccessDeniedException"}
    return bool(code)


def pass_by(outcome: Outcome) -> None:
    """Wait until sessions that are issued now are newer than what an outcome denies."""
    moment = datetime.datetime.fromisoformat(outcome.result["issued_before"])
    while datetime.datetime.now(datetime.UTC) < moment:
        time.sleep(0.02)


def policies(emulator: Emulator, role: str) -> list[str]:
    """The inline policies of a role."""
    names: list[str] = emulator.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
    return sorted(names)


def test_deny_sessions_of_a_user(aws: Emulator, people: People) -> None:
    """Sessions of the user die, its key too; somebody else's session lives."""
    leaked = people.user("leaked", "secretsmanager:*", "sts:*")
    production = people.session_token(people.user("production", "secretsmanager:*", "sts:*"))
    session = people.session_token(leaked)
    assert not refused_now(aws, session)
    outcome = perform(accounts(aws), DENY, principal_arn=LEAKED)
    assert outcome.verdict is Verdict.CONTAINED
    assert outcome.result["everything_denied"]
    assert outcome.result["policies"] == ["FiredoorDenyAll", "FiredoorRevokeOlderSessions"]
    assert {one.source for one in outcome.evidence} == {"iam:GetUserPolicy"}
    assert refused_now(aws, session)
    assert refused_now(aws, leaked)
    assert not refused_now(aws, production)


def test_only_old_sessions_of_a_user(aws: Emulator, people: People) -> None:
    """With `everything: false` the long-term key and new sessions of the user go on: the issue time decides."""
    leaked = people.user("leaked", "secretsmanager:*", "sts:*")
    session = people.session_token(leaked)
    outcome = perform(accounts(aws), DENY, principal_arn=LEAKED, everything=False)
    assert not outcome.result["everything_denied"]
    assert refused_now(aws, session)
    assert not refused_now(aws, leaked)
    pass_by(outcome)
    assert not refused_now(aws, people.session_token(leaked))


def test_deny_sessions_of_a_role(aws: Emulator, people: People) -> None:
    """Old sessions of the role die; the workload assumes it again and goes on."""
    workload = people.user("workload", "sts:AssumeRole")
    role = people.role("gateway", "secretsmanager:*")
    old = people.assume(workload, role)
    assert not refused_now(aws, old)
    outcome = perform(accounts(aws), DENY, principal_arn=role)
    assert outcome.verdict is Verdict.CONTAINED
    assert outcome.result["policies"] == ["AWSRevokeOlderSessions"]
    assert "whoever may still assume the role gets a new one" in outcome.summary
    assert refused_now(aws, old)
    pass_by(outcome)
    assert not refused_now(aws, people.assume(workload, role))


def test_deny_all_of_a_role(aws: Emulator, people: People) -> None:
    """With `everything: true` new sessions of the role are refused as well."""
    workload = people.user("workload", "sts:AssumeRole")
    role = people.role("gateway", "secretsmanager:*")
    pass_by(perform(accounts(aws), DENY, principal_arn=role, everything=True))
    assert refused_now(aws, people.assume(workload, role))


def test_the_arn_of_a_session_means_its_role(aws: Emulator, people: People) -> None:
    """What CloudTrail and GuardDuty show is a session's ARN; the role behind it is denied."""
    old = people.assume(people.user("workload", "sts:AssumeRole"), people.role("gateway", "secretsmanager:*"))
    perform(accounts(aws), DENY, principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/gateway/session")
    assert refused_now(aws, old)


def test_deny_principal_and_lift(aws: Emulator, people: People) -> None:
    """Everything is denied, and lifting brings all of it back: only firedoor's own policies go."""
    leaked = people.user("leaked", "secretsmanager:*", "sts:*")
    session = people.session_token(leaked)
    quarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2"
    aws.client("iam").attach_user_policy(UserName="leaked", PolicyArn=quarantine)
    denied = perform(accounts(aws), DENY_ALL, principal_arn=LEAKED)
    assert denied.verdict is Verdict.CONTAINED
    assert "it is not containment and stays" in denied.summary
    perform(accounts(aws), DENY, principal_arn=LEAKED)
    assert refused_now(aws, leaked)
    lifted = perform(accounts(aws), LIFT, principal_arn=LEAKED)
    assert lifted.result["removed"] == ["FiredoorDenyAll", "FiredoorRevokeOlderSessions"]
    assert lifted.result["quarantined"] == ["AWSCompromisedKeyQuarantineV2"]
    assert not refused_now(aws, leaked)
    assert not refused_now(aws, session)
    iam = aws.client("iam")
    assert iam.list_user_policies(UserName="leaked")["PolicyNames"] == ["work"]
    assert len(iam.list_attached_user_policies(UserName="leaked")["AttachedPolicies"]) == 1


def test_nothing_to_lift(aws: Emulator, people: People) -> None:
    """Where there is no deny of firedoor nothing changes, and the outcome says so."""
    people.user("leaked")
    outcome = perform(accounts(aws), LIFT, principal_arn=LEAKED)
    assert not outcome.changed
    assert "no deny of firedoor" in outcome.summary


def test_somebody_elses_policy_of_the_same_name_stays(aws: Emulator, people: People) -> None:
    """A revocation that a person made in the console is neither overwritten nor lifted."""
    role = people.role("gateway", "secretsmanager:*")
    theirs = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": theirs})
    aws.client("iam").put_role_policy(RoleName="gateway", PolicyName="AWSRevokeOlderSessions", PolicyDocument=document)
    outcome = perform(accounts(aws), DENY, principal_arn=role)
    assert outcome.result["policies"] == ["FiredoorRevokeOlderSessions"]
    assert policies(aws, "gateway") == ["AWSRevokeOlderSessions", "FiredoorRevokeOlderSessions", "work"]
    perform(accounts(aws), LIFT, principal_arn=role)
    assert policies(aws, "gateway") == ["AWSRevokeOlderSessions", "work"]


def test_denying_again_moves_the_moment(aws: Emulator, people: People) -> None:
    """A second deny catches the sessions of in between, and puts nothing twice."""
    workload = people.user("workload", "sts:AssumeRole")
    role = people.role("gateway", "secretsmanager:*")
    first = perform(accounts(aws), DENY, principal_arn=role)
    pass_by(first)
    session = people.assume(workload, role)
    assert not refused_now(aws, session)
    second = perform(accounts(aws), DENY, principal_arn=role)
    assert second.result["issued_before"] > first.result["issued_before"]
    assert refused_now(aws, session)
    assert policies(aws, "gateway") == ["AWSRevokeOlderSessions", "work"]


def test_deny_principal_again_changes_nothing(wire: Wire, people: People) -> None:
    """A deny that stands already is proved, not put again."""
    people.user("leaked")
    perform(accounts(wire), DENY_ALL, principal_arn=LEAKED)
    outcome = perform(accounts(wire), DENY_ALL, principal_arn=LEAKED)
    assert (outcome.verdict, outcome.changed) == (Verdict.CONTAINED, False)
    assert wire.calls.count("PutUserPolicy") == 1


def test_state_before_is_kept_over_a_lost_answer(wire: Wire, people: People) -> None:
    """The first of two denies was put and its answer lost: the next attempt completes both, its pre-image is the first."""
    people.user("leaked")
    wire.on("PutUserPolicy", lost)
    step = Performing(accounts(wire), DENY, principal_arn=LEAKED)
    with pytest.raises(StepError) as raised:
        step.finish()
    assert raised.value.changed.startswith("It is not known whether AWS carried out iam:PutUserPolicy")
    again = Performing(accounts(wire), DENY, step.preview, principal_arn=LEAKED).finish()
    assert again.before["policies"] == {}
    assert (again.verdict, again.changed) == (Verdict.CONTAINED, True)


def test_half_put_is_said(wire: Wire, people: People) -> None:
    """One deny was put, the other refused: the error says how far it came."""
    people.user("leaked")
    wire.on("PutUserPolicy", forwarded, refused(409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded"))
    error = failure(accounts(wire), DENY, principal_arn=LEAKED)
    assert error.reason == "limit_reached"
    assert "2,048 characters" in error.what
    assert error.changed.startswith("One of two denies was put on user leaked")


def test_a_deny_that_does_not_stand(wire: Wire, people: People) -> None:
    """The attacker rewrites the policy: it does not read back as it was put, so it is not contained."""
    people.user("leaked")
    wire.always["GetUserPolicy"] = replaced("%22Deny%22", "%22Allow%22")
    outcome = perform(accounts(wire), DENY_ALL, principal_arn=LEAKED)
    assert outcome.verdict is Verdict.NOT_CONTAINED
    assert "do not read back" in outcome.summary


def test_lift_that_does_not_hold(wire: Wire, people: People) -> None:
    """A policy that is still listed after its deletion is an error that is tried again."""
    people.user("leaked")
    perform(accounts(wire), DENY_ALL, principal_arn=LEAKED)
    wire.on("DeleteUserPolicy", refused(404, "NoSuchEntity"))
    error = failure(accounts(wire), LIFT, principal_arn=LEAKED)
    assert (error.reason, error.retryable) == ("not_stable", True)


def test_principals_that_do_not_exist(aws: Emulator) -> None:
    """A user or role that is not there is named with its account."""
    for kind in ("user", "role"):
        error = failure(accounts(aws), DENY, principal_arn=f"arn:aws:iam::{ACCOUNT}:{kind}/nobody")
        assert (error.reason, error.what) == ("not_found", f"Account {ACCOUNT} has no {kind} nobody.")


def test_principals_that_cannot_be_denied(wire: Wire, people: People) -> None:
    """Root, federated users and service-linked roles: each error says what to do instead."""
    error = failure(accounts(wire), DENY, principal_arn=f"arn:aws:iam::{ACCOUNT}:root")
    assert error.reason == "invalid_arguments"
    assert "root user" in error.what
    error = failure(accounts(wire), DENY, principal_arn=f"arn:aws:sts::{ACCOUNT}:federated-user/bob")
    assert "GetFederationToken" in error.next
    error = failure(accounts(wire), DENY, principal_arn=f"arn:aws:iam::{ACCOUNT}:group/x")
    assert "neither a user nor a role" in error.what
    people.role("AWSServiceRoleForSupport")
    wire.on("PutRolePolicy", refused(400, "UnmodifiableEntity", "Cannot perform the operation on the protected role"))
    error = failure(accounts(wire), DENY, principal_arn=f"arn:aws:iam::{ACCOUNT}:role/AWSServiceRoleForSupport")
    assert error.reason == "conflict"
    assert "Identity Center" in error.next


def test_missing_permission_is_named(aws: Emulator, people: People) -> None:
    """A responder who may read and not write is told which permission is missing."""
    people.user("leaked")
    responder = people.user("responder", "iam:Get*", "iam:List*")
    error = failure(accounts(aws, responder), DENY, principal_arn=LEAKED)
    assert error.reason == "permission_missing"
    assert "lacks the permission iam:PutUserPolicy" in error.what


@pytest.mark.parametrize(
    ("statement", "own"),
    [
        ([], False),
        ({"Sid": "FiredoorDenyAll"}, True),
        ([{"Sid": "FiredoorDenyAll"}, {"Sid": "Theirs"}], False),
        ([{"Effect": "Deny"}], False),
    ],
)
def test_whose_policy(statement: Any, own: bool) -> None:
    """A policy is firedoor's only if every statement of it is."""
    assert is_own({"Statement": statement}) is own
