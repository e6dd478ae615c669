"""The attacker and the workload: they make real calls, and only real refusals count."""

import json
from pathlib import Path
from typing import Any

import pytest

from firedoor.drill import ministack
from firedoor.drill.aws_people import REFUSALS, Attacker, Workload
from firedoor.drill.emulators import Aws, AwsKey
from firedoor.drill.result import Attempt


def policy(**statement: Any) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*"} | statement})


@pytest.fixture
def role(aws: Aws) -> str:
    """A secret, a role that may read it, and a user `deploy` who may do the same and assume the role; the role's ARN."""
    iam = aws.client("iam")
    aws.client("secretsmanager").create_secret(Name="openai", SecretString="sk-canary-1")
    user = iam.create_user(UserName="deploy")["User"]["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    iam.put_user_policy(
        UserName="deploy",
        PolicyName="deploy",
        PolicyDocument=policy(Action=["secretsmanager:GetSecretValue", "sts:AssumeRole", "iam:*"]),
    )
    arn: str = iam.create_role(RoleName="runtime", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="runtime", PolicyName="r", PolicyDocument=policy(Action="secretsmanager:GetSecretValue")
    )
    return arn


@pytest.fixture
def key(aws: Aws, role: str) -> AwsKey:
    """The key of `deploy`."""
    made = aws.client("iam").create_access_key(UserName="deploy")["AccessKey"]
    return AwsKey(made["AccessKeyId"], made["SecretAccessKey"])


def deny(issued_before: float | None = None) -> str:
    """A policy that denies everything, or what was issued before a moment."""
    condition = {"DateLessThan": {"aws:TokenIssueTime": ministack.rfc3339(issued_before)}} if issued_before else {}
    return policy(Effect="Deny", Action="*", **({"Condition": condition} if condition else {}))


async def test_attacker_gets_everything_while_the_door_is_open(aws: Aws, role: str, key: AwsKey) -> None:
    """A leaked key becomes a second key, a user of the attacker and two sessions; each of them reads the secret."""
    attacker = Attacker(aws, {"the leaked key": key}, role_arn=role, secret="openai")
    attacker.arm("the leaked key")
    attacker.round()
    assert attacker.counts() == {
        "the leaked key": {"ok": 8},
        "the second key it made": {"ok": 1},
        "the key of a user it made": {"ok": 1},
        "a session of the user": {"ok": 1},
        "session of the role 1": {"ok": 1},
    }


async def test_deactivated_key_alone_leaves_the_attacker_in(aws: Aws, role: str, key: AwsKey) -> None:
    """Why the runbook does more than deactivate: sessions and the second key go on, and the attacker sees that."""
    attacker = Attacker(aws, {"the leaked key": key}, role_arn=role, secret="openai")
    attacker.arm("the leaked key")
    aws.client("iam").update_access_key(UserName="deploy", AccessKeyId=key.id, Status="Inactive")
    began = len(attacker.attempts)
    attacker.round()
    answers = {attempt.who: attempt.answer for attempt in attacker.attempts[began:]}
    assert answers.pop("the leaked key") in REFUSALS
    assert set(answers.values()) == {"ok"}


async def test_refused_session_makes_the_attacker_go_for_another(aws: Aws, role: str, key: AwsKey) -> None:
    """Denying the role's old sessions before the key is shut is in vain: the attacker assumes the role again."""
    attacker = Attacker(aws, {"the leaked key": key}, role_arn=role, secret="openai")
    attacker.arm("the leaked key")
    created = aws.client("iam").get_role(RoleName="runtime")["Role"]["CreateDate"].timestamp()
    aws.client("iam").put_role_policy(RoleName="runtime", PolicyName="old", PolicyDocument=deny(created + 60))
    attacker.round()
    assert attacker.credentials.keys() > {"session of the role 1", "session of the role 2"}


async def test_lost_connection_is_no_refusal(aws: Aws, key: AwsKey) -> None:
    """An emulator that is gone refuses nobody: such an answer never counts as proof."""
    nowhere = Attacker(Aws("http://127.0.0.1:9"), {"the leaked key": key}, role_arn="arn", secret="openai")
    nowhere.round()
    (attempt,) = nowhere.attempts
    assert attempt.answer == "EndpointConnectionError"
    assert attempt.answer not in REFUSALS


async def test_production_comes_back_with_a_new_session(aws: Aws, role: str, key: AwsKey) -> None:
    """A workload whose session is denied assumes its role again and goes on; the time without an answer is measured."""
    workload = Workload(aws, key, role_arn=role, secret="openai")
    workload.round()
    made = aws.client("iam").get_role(RoleName="runtime")["Role"]["CreateDate"].timestamp()
    aws.client("iam").put_role_policy(RoleName="runtime", PolicyName="old", PolicyDocument=deny(made + 2))
    for _ in range(20):
        workload.round()
        if workload.attempts[-1].answer == "ok" and workload.interrupted():
            break
        workload.pause()
    assert workload.attempts[-1].answer == "ok"
    assert 0 < workload.interrupted() < 10
    assert "AccessDeniedException" in workload.counts()["production"]


async def test_production_without_its_key_stays_down(aws: Aws, role: str, key: AwsKey) -> None:
    """A workload that ran on the leaked user itself does not recover, and does not pretend to."""
    aws.client("iam").put_user_policy(UserName="deploy", PolicyName="deny", PolicyDocument=deny())
    workload = Workload(aws, key, role_arn=role, secret="openai")
    workload.round()
    assert {attempt.answer for attempt in workload.attempts} == {"AccessDenied"}
    assert workload.interrupted() == 0


def test_interruption_is_the_longest_gap_around_a_failure() -> None:
    """Only gaps with a failed call in between count; a quiet minute is no outage."""
    workload = Workload(Aws("http://127.0.0.1:9"), AwsKey("a", "b"), role_arn="r", secret="s")
    read = "secretsmanager:GetSecretValue"
    answers = [("00", "ok"), ("30", "ok"), ("31", "AccessDeniedException"), ("33", "ok"), ("34", "Boom"), ("35", "ok")]
    workload.attempts = [
        Attempt(who="production", call=read, answer=answer, at=f"2026-01-01T00:00:{second}.000Z")
        for second, answer in answers
    ]
    assert workload.interrupted() == 3.0


def test_keys_print_without_their_secrets() -> None:
    """A key in a log line or an assertion shows its id only."""
    assert repr(AwsKey("AKIA1", "canary", "canary-token")) == "AwsKey(AKIA1)"


async def test_nobody_keeps_what_was_stolen(aws: Aws, role: str, key: AwsKey, tmp_path: Path) -> None:
    """What is written down of an attack holds no secret value and no session token."""
    attacker = Attacker(aws, {"the leaked key": key}, role_arn=role, secret="openai")
    attacker.arm("the leaked key")
    attacker.round()
    written = repr(attacker.attempts) + json.dumps(attacker.counts())
    secrets = [one.secret for one in attacker.credentials.values()]
    tokens = [one.token for one in attacker.credentials.values() if one.token]
    assert not any(secret in written for secret in (*secrets, *tokens, "sk-canary-1"))
