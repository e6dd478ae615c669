"""What the runbooks of credentials make of a large inventory: whom they act on, where new keys go, and in time."""

import time
from pathlib import Path
from typing import Any

import pytest

from firedoor.compiler import compile_runbook
from firedoor.expressions import evaluate, render
from firedoor.plan import Effect, Plan, PlannedStep

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
#: More keys than anybody keeps at one vendor. CEL gives an expression 10,000 iterations: no list may be searched for each
#: element of another.
MANY = 2000
#: Seconds. Temporal gives a workflow two before it takes it for hung.
PATIENCE = 1.5


def plan_of(name: str) -> Plan:
    """A shipped runbook, compiled."""
    return compile_runbook(RUNBOOKS / f"{name}.yaml")


def step(plan: Plan, name: str) -> PlannedStep:
    """One step of it."""
    return next(one for one in plan.steps if one.id == name)


def targets(plan: Plan, name: str, **scope: Any) -> list[Any]:
    """What a step acts on in a scope, within the time that a workflow has."""
    loop = step(plan, name).loop
    assert loop is not None
    began = time.monotonic()
    found = evaluate(loop.items, scope)
    assert time.monotonic() - began < PATIENCE
    assert isinstance(found, list)
    return found


def entry(number: int, *places: str, provider: str = "openai") -> dict[str, Any]:
    """A credential of the inventory, as `inventory.find` returns it."""
    credential = {"provider": provider, "kind": "", "id": f"key_{number}", "scope": "", "name": f"n{number}"}
    return {"name": f"n{number}", "credential": credential, "places": list(places), "consumers": ["braintrust"]}


def of_vendor(**inputs: Any) -> dict[str, Any]:
    """A vendor that held many keys: every second one was abused, every third one is nowhere else."""
    found = [
        entry(number, f"braintrust:ai_secret/N{number}", *([f"aws-sm:n/{number}"] if number % 3 else []))
        for number in range(MANY)
    ]
    used = [{"credential": one["credential"], "flags": ["spike"] if not n % 2 else []} for n, one in enumerate(found)]
    given = {"vendor": "braintrust", "put_back": False, "elsewhere": "", **inputs}
    found.append(entry(MANY, "braintrust:ai_secret/STRANGE", provider="unknown"))
    return {"inputs": given, "steps": {"held": {"found": found}, "used": {"results": used}}}


@pytest.fixture(scope="module")
def vendor() -> Plan:
    """The customer's side."""
    return plan_of("ai-vendor-breached")


def test_abused_keys_die_first_and_none_goes_back_unless_asked(vendor: Plan) -> None:
    """What the vendor alone had is killed; nothing goes back to it; every key is in one of the three lists."""
    scope = of_vendor()
    lists = {name: targets(vendor, name, **scope) for name in ("replace_abused", "replace_rest", "kill")}
    names = {name: {one["name"] for one in found} for name, found in lists.items()}
    assert names["replace_abused"] == {f"n{number}" for number in range(MANY) if number % 3 and not number % 2}
    assert names["replace_rest"] == {f"n{number}" for number in range(MANY) if number % 3 and number % 2}
    assert names["kill"] == {f"n{number}" for number in range(0, MANY, 3)}
    for name, mode in (("replace_abused", "breach"), ("replace_rest", "rotation")):
        arguments = step(vendor, name).arguments
        assert arguments["mode"] == mode
        assert render(arguments["into"], scope | {"one": lists[name][0]}) == [lists[name][0]["places"][1]]


@pytest.mark.parametrize(
    ("inputs", "into"),
    [
        ({"put_back": True}, {"n0": ["braintrust:ai_secret/N0"], "n1": ["braintrust:ai_secret/N1", "aws-sm:n/1"]}),
        ({"elsewhere": "aws-ssm:/from-vendor/"}, {"n0": ["aws-ssm:/from-vendor/n0"], "n1": ["aws-sm:n/1"]}),
    ],
)
def test_new_keys_go_back_or_elsewhere_if_that_is_said(
    vendor: Plan, inputs: dict[str, Any], into: dict[str, list[str]]
) -> None:
    """Then nothing is killed without a successor."""
    scope = of_vendor(**inputs)
    assert targets(vendor, "kill", **scope) == []
    replaced = [*targets(vendor, "replace_abused", **scope), *targets(vendor, "replace_rest", **scope)]
    assert len(replaced) == MANY
    goes = {
        one["name"]: render(step(vendor, "replace_rest").arguments["into"], scope | {"one": one}) for one in replaced
    }
    assert {name: goes[name] for name in into} == into


def test_what_nobody_recognises_is_asked_about(vendor: Plan) -> None:
    """Neither revoked nor forgotten; what the vendor stores and the inventory does not know is counted as well."""
    scope = of_vendor()
    assert evaluate(step(vendor, "unrecognised").condition, scope) is True
    question = step(vendor, "unrecognised").ask
    assert question is not None
    assert "Of 1 things" in str(render(question.prompt, scope))


def test_what_was_made_with_the_key_is_found_among_much() -> None:
    """By the user's ARN and those of its sessions; what nobody is known to have made is left to a person."""
    plan = plan_of("aws-access-key-leaked")
    user, session = "arn:aws:iam::1:user/deploy", "arn:aws:sts::1:assumed-role/runtime/x"
    made = [{"access_key_id": f"AKIA{n}", "by": ("", user, session, "arn:other")[n % 4]} for n in range(MANY)]
    findings = [{"kind": "user", "resource": f"arn:{n}", "by": made[n]["by"]} for n in range(1000)]
    steps = {
        "identify": {"principal_arn": user},
        "activity": {"sessions": [{"issued_to": session}] * 500, "roles": [f"role/{n}" for n in range(500)]},
        "left": {"access_keys": made, "findings": findings},
        "deny_made": {"results": [{"principal_arn": f"arn:{n}"} for n in range(250)]},
    }
    steps |= {"activity_again": steps["activity"], "left_again": steps["left"]}
    for name in ("shut_made", "shut_made_late"):
        assert len(targets(plan, name, steps=steps)) == MANY // 2
    assert len(targets(plan, "deny_made", steps=steps)) == 500
    assert len(targets(plan, "deny_made_late", steps=steps)) == 375
    assert targets(plan, "deny_late_roles", steps=steps) == []
    nobody = steps | {"identify": {"principal_arn": ""}}
    assert {one["by"] for one in targets(plan, "shut_made", steps=nobody)} == {session}


@pytest.mark.parametrize("name", sorted(path.stem for path in RUNBOOKS.glob("*.yaml")))
def test_what_cannot_be_undone_waits_for_people(name: str) -> None:
    """But for a GitHub token: whoever found it can revoke it as well."""
    alone = {one.id for one in plan_of(name).steps if one.effect is Effect.DESTRUCTIVE and not one.approval}
    assert alone == ({"revoke", "revoke_all"} if name == "github-token-leaked" else set())
