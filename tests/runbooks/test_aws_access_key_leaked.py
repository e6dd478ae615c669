"""The shipped runbook for a leaked AWS key: what starts it, what it may do alone, and in which order."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from firedoor.alerts import SOURCES, Alert, match
from firedoor.compiler import compile_runbook
from firedoor.drill.aws_access_key_leaked import FINDING
from firedoor.errors import UsageError
from firedoor.inputs import incident_id, resolve_inputs
from firedoor.plan import Effect, Plan, PlannedStep
from firedoor.steps.policy import policy_document

FILE = Path(__file__).parents[2] / "runbooks" / "aws-access-key-leaked.yaml"
KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The compiled runbook."""
    return compile_runbook(FILE)


def step(plan: Plan, name: str) -> PlannedStep:
    """One step of it."""
    return next(one for one in plan.steps if one.id == name)


def before(plan: Plan, name: str) -> set[str]:
    """Every step that must have ended before this one may begin."""
    needs = set(step(plan, name).needs)
    return needs.union(*(before(plan, need) for need in needs)) if needs else set()


def finding(**changes: Any) -> bytes:
    """The drill's GuardDuty finding about `KEY`, with changes to its detail."""
    event = copy.deepcopy(json.loads(FINDING.read_bytes()))
    event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] = KEY
    event["detail"] |= changes
    return json.dumps(event).encode()


def only(body: bytes) -> Alert:
    """The one alert of a finding."""
    (alert,) = SOURCES["guardduty"].parse({}, body).alerts
    return alert


@pytest.mark.parametrize(
    "kind",
    [
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "Exfiltration:IAMUser/AnomalousBehavior",
    ],
)
def test_severe_finding_about_a_credential_starts_it(plan: Plan, kind: str) -> None:
    """GuardDuty's findings about credentials start it with the key that they name."""
    started, inputs = match(only(finding(type=kind)), [plan])
    assert started.name == "aws-access-key-leaked"
    assert inputs == {"access_key_id": KEY, "since": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": 5},
        {"type": "CryptoCurrency:EC2/BitcoinTool.B"},
        {"resource": {"resourceType": "AccessKey"}},
        {"service": {"archived": True}},
        {"service": {"additionalInfo": {"sample": True}}},
    ],
)
def test_other_findings_start_nothing(plan: Plan, changes: dict[str, Any]) -> None:
    """A mild, foreign, keyless, archived or sample finding must not shut down a user at night."""
    with pytest.raises(UsageError, match="starts no runbook"):
        match(only(finding(**changes)), [plan])


def test_same_key_is_the_same_incident(plan: Plan) -> None:
    """However often a key is reported, it is one incident, and its id names the key."""
    assert incident_id(plan, {"access_key_id": KEY}, "a") == f"aws-access-key-leaked-{KEY}"


@pytest.mark.parametrize("key", ["", "akiaiosfodnn7example", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", f"{KEY} "])
def test_what_is_no_key_id_is_refused_before_anything_starts(plan: Plan, key: str) -> None:
    """A secret pasted for an id, or a slip of the keyboard, starts nothing and is explained."""
    with pytest.raises(UsageError, match="Never the secret"):
        resolve_inputs(plan, {"access_key_id": key})


def test_only_what_can_be_undone_runs_without_approval(plan: Plan) -> None:
    """Each destructive step waits for the policy; each reversible one that contains runs at once."""
    for one in plan.steps:
        if one.effect is Effect.DESTRUCTIVE:
            assert one.approval == "security", one.id
        if one.containment and one.effect is Effect.REVERSIBLE:
            assert not one.approval, one.id
    destructive = {one.id for one in plan.steps if one.effect is Effect.DESTRUCTIVE}
    assert destructive == {"delete_key", "delete_login_profile", "rotate"}


def test_roles_are_denied_after_the_key_is_shut(plan: Plan) -> None:
    """A role that is denied while the key still works is assumed again: the order is what contains."""
    assert before(plan, "deny_roles") >= {"deactivate", "deny_sessions"}
    assert before(plan, "deny_late_roles") >= {"deny_roles", "cloudtrail_catches_up"}


def test_what_was_made_with_it_is_shut_twice_over(plan: Plan) -> None:
    """At once, and again when CloudTrail has caught up; new secrets only when nobody is left who could read them."""
    assert before(plan, "left") >= {"activity", "deactivate_siblings"}
    assert before(plan, "left_again") >= {"cloudtrail_catches_up", "shut_made", "deny_made"}
    assert before(plan, "rotate") >= {"deactivate", "deny_sessions", "deny_roles"}
    assert before(plan, "review_changes") >= {"shut_made_late", "deny_made_late"}


def test_nothing_is_deleted_or_lifted_before_somebody_has_looked(plan: Plan) -> None:
    """The key goes after production was found healthy; the denies go after the hold, and after the key."""
    assert before(plan, "delete_key") >= {"production", "deny_roles", "deny_late_roles"}
    assert before(plan, "lift_denies") >= {"hold", "production", "delete_key"}
    assert step(plan, "hold").wait == 36 * 3600
    assert step(plan, "lift_denies").approval == "security"


def test_permissions_fit_into_one_policy_and_hold_nothing_broad(plan: Plan) -> None:
    """The least-privilege policy fits an inline policy of a user (2,048 characters), and reads no secret."""
    document = policy_document(plan)
    assert len(json.dumps(document, separators=(",", ":"))) < 2048
    actions = [action for statement in document["Statement"] for action in statement["Action"]]
    assert not any("*" in action for action in actions)
    assert not {"secretsmanager:GetSecretValue", "iam:CreateAccessKey", "sts:AssumeRole"} & set(actions)
