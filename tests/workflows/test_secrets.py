"""A question for a secret: the incident learns where it is, never what it is."""

from typing import Any

import pytest

from firedoor.incident import IncidentState, Mode, StepState
from firedoor.plan import Ask, Field, Plan, PlannedStep
from firedoor.steps._step import Credential
from tests.opened import opened
from tests.workflows import actions
from tests.workflows.conftest import ADA, BOB, Site, each, off, plan_of
from workflows.rules import CREDENTIAL

VALUE = "sk-canary-typed-by-hand"
PLACES = ("aws-sm:gateway/openai", "aws-sm:copy-1", "aws-sm:copy-2")
GIVEN: dict[str, Any] = {
    "provider": "openai",
    "fingerprint": "sha256:0123456789abcdef",
    "where": "aws-sm:gateway/openai",
    "kind": "user_key",
    "scope": "proj_1",
}


def asking(**fields: Any) -> Plan:
    """Asks for one secret, and then does something with its fingerprint."""
    into = ("aws-sm:gateway/${{ inputs.provider }}", "${{ inputs.copies }}", "aws-sm:copy-1")
    secret: dict[str, Any] = {"provider": "${{ inputs.provider }}", "into": into, "scope": "proj_${{ inputs.project }}"}
    key = Field(type="secret", kind="user_key", **{**secret, **fields})
    ask = Ask(
        prompt="A new key, please", of="security", fields={"key": key, "note": Field(type="string", required=False)}
    )
    return plan_of(
        PlannedStep(id="ask", kind="ask", ask=ask),
        off("after", ("ask",), mentions=("ask",), condition="steps.ask.key.fingerprint.startsWith('sha256:')"),
    )


INPUTS = {"provider": "openai", "copies": ["aws-sm:copy-1", "aws-sm:copy-2"], "project": 1}


async def test_it_is_asked_for_with_its_places(site: Site) -> None:
    """Expressions have their values, a list stands for its members, and each place stands once."""
    incident = await site.start(asking(), INPUTS)
    shown = await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    assert shown.ask is not None
    key = shown.ask.secrets()["key"]
    assert (key.provider, key.kind, key.scope, key.into) == ("openai", "user_key", "proj_1", PLACES)
    await site.decide(incident, "answer", "ask", answers={"key": GIVEN})
    view = await site.engine.result(incident)
    assert view.state is IncidentState.COMPLETED
    assert [step.state for step in view.steps] == [StepState.DONE, StepState.DONE]
    assert view.steps[0].result == {"key": GIVEN, "note": None, "by": "user:ada"}


async def test_a_typed_value_is_refused_and_stored_nowhere(site: Site) -> None:
    """An API client that sends the value itself: refused without repeating it; neither history nor timeline has it."""
    incident = await site.start(asking(), INPUTS)
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    sentence = (
        "key is a secret, and its value is never sent to an incident: `firedoor answer` asks for it, puts it into"
    )
    for value in (VALUE, {**GIVEN, "value": VALUE}, [VALUE], {VALUE: ""}, 7):
        await site.refused(incident, "answer", "ask", sentence, answers={"key": value})
    await site.decide(incident, "answer", "ask", answers={"key": GIVEN})
    await site.engine.result(incident)
    history = await opened(site.client, incident)
    assert GIVEN["fingerprint"].encode() in history, "what was answered is there"
    assert VALUE.encode() not in history
    assert VALUE not in repr([entry.body for entry in site.entries(incident)])


@pytest.mark.parametrize(
    "change",
    [
        *({name: VALUE} for name in ("id", "name", "owner", "scope", "kind", "provider", "fingerprint", "where")),
        {"where": "aws-sm:elsewhere"},
        {"fingerprint": ""},
        {"scope": None},
        {"id": ["x"]},
    ],
)
async def test_only_the_credential_that_was_asked_for_fits(site: Site, change: dict[str, Any]) -> None:
    """No field of it can carry a value, or name another place."""
    incident = await site.start(asking(), INPUTS)
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    (name,) = change
    sentence = f"key is not the credential that is asked for ({name})"
    await site.refused(incident, "answer", "ask", sentence, answers={"key": {**GIVEN, **change}})
    with pytest.raises(AssertionError):
        await site.refused(incident, "answer", "ask", VALUE, answers={"key": {**GIVEN, **change}})
    await site.decide(incident, "abort", reason="enough")


async def test_a_missing_one_and_a_stranger_are_refused(site: Site) -> None:
    """As with every other field."""
    incident = await site.start(asking(), INPUTS)
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    await site.refused(incident, "answer", "ask", "key (secret) is missing", answers={})
    await site.refused(incident, "answer", "ask", "user:bob is not in security", answers={"key": GIVEN}, who=BOB)
    await site.decide(incident, "abort", reason="enough")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"into": ("${{ inputs.none }}",)}, "The secret key cannot be asked for: it would go to [], which names no"),
        ({"into": ("${{ inputs.project }}",)}, "it would go to [1], which names no place"),
        ({"into": ("somewhere else",)}, "it would go to ['somewhere else'], which names no place"),
        ({"provider": "${{ inputs.project }}"}, "1 is no provider"),
        ({"scope": "${{ inputs.project }}"}, "its scope is 1, which is no text"),
    ],
)
async def test_what_cannot_be_asked_for_needs_a_person(site: Site, fields: dict[str, Any], sentence: str) -> None:
    """A runbook that was started with something odd says so, before anybody is asked."""
    incident = await site.start(asking(**fields), {**INPUTS, "none": []})
    shown = await site.reaches(incident, "ask", StepState.NEEDS_ATTENTION)
    assert shown.failure is not None
    assert sentence in shown.failure.what
    await site.decide(incident, "abort", reason="enough")


async def test_plan_mode_says_that_a_secret_is_asked_for(site: Site) -> None:
    """And where it goes."""
    view = await site.run(asking(into=("aws-sm:a", "aws-sm:b")), INPUTS, Mode.PLAN)
    said = view.steps[0].summary
    assert said.endswith("A new key, please It asks for a secret, key, which goes to aws-sm:a and aws-sm:b.")


async def test_failed_targets_come_with_their_arguments(site: Site) -> None:
    """Where they are asked for: a pasted key goes where its target's arguments say. A number names a target too."""
    actions.WORLD.failures = {"before a": ["not_found"], "before c": ["not_found"]}
    incident = await site.start(plan_of(each("each")), {"names": ["a", "b", "c"]})
    await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    failed = await site.engine.failures(incident, "each")
    assert [(one.key, one.name, one.arguments) for one in failed] == [
        ("0", "a", {"name": "a"}),
        ("2", "c", {"name": "c"}),
    ]
    await site.decide(incident, "retry", "each", targets=("2",))
    await site.shows(incident, lambda view: actions.WORLD.effects.count("c") == 1)
    await site.decide(incident, "abort", reason="enough")
    assert sorted(actions.WORLD.effects) == ["b", "c"]


def test_the_fields_of_a_credential() -> None:
    """The workflow knows them without the contracts; they are the same."""
    assert set(Credential.model_fields) == CREDENTIAL
    assert ADA.among(("role:security",))
    assert not BOB.among(("role:security", "user:ada"))
