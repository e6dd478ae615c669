"""The modals: inputs of a runbook, reasons, answers; what is typed into them is checked in place."""

import json
from typing import Any

import pytest

from firedoor.drill.slack.blocks import check_view
from firedoor.errors import UsageError
from firedoor.incident import FailedTarget, Failure, Progress, StepState, StepView
from firedoor.plan import Ask, Field, Input, Plan, PlannedStep
from firedoor.slack.drawing.fields import chosen, filled
from firedoor.slack.inbound.forms import (
    Slip,
    answer_form,
    answered,
    loading,
    note_form,
    reason_form,
    reason_of,
    retried,
    retry_form,
    start_form,
    started,
    ticked,
)

SLIP = Slip("start", "contain", channel="C01", thread="1.2")
INPUTS = {
    "key": Input(type="string", pattern="AKIA[0-9]+", description="The id of the key, AKIA…."),
    "count": Input(type="integer", description="How many", default=3, required=False),
    "hard": Input(type="boolean", default=False, required=False),
    "names": Input(type="list", description="Who", default=["a", "b"], required=False),
}


def plan(inputs: dict[str, Input]) -> Plan:
    """A runbook with these inputs."""
    step = PlannedStep(id="look", kind="wait", wait=1)
    return Plan(name="contain", title="Contain", runbook_sha256="0" * 64, inputs=inputs, steps=(step,))


def submitted(**values: Any) -> dict[str, Any]:
    """A view as Slack sends it: texts as they are, `("option", value)`, or a list of ticked boxes."""
    state: dict[str, Any] = {}
    for name, value in values.items():
        match value:
            case ("option", chosen_value):
                state[name] = {"value": {"type": "static_select", "selected_option": {"value": chosen_value}}}
            case list():
                state[name] = {"value": {"type": "checkboxes", "selected_options": value}}
            case _:
                state[name] = {"value": {"type": "plain_text_input", "value": value}}
    return {"state": {"values": state}}


def blocks_of(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The input blocks by their names."""
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def test_a_form_has_a_field_for_each_input() -> None:
    """Types become elements, descriptions hints, defaults what stands there; what was typed already stands there too."""
    view = start_form(plan(INPUTS), SLIP, {"key": "AKIA1"})
    check_view(view, set())
    found = blocks_of(view)
    assert [block["element"]["type"] for block in found.values()] == [
        "plain_text_input",
        "number_input",
        "static_select",
        "plain_text_input",
    ]
    assert found["key"]["element"]["initial_value"] == "AKIA1"
    assert found["key"]["hint"]["text"] == "The id of the key, AKIA…. matching AKIA[0-9]+"
    assert found["count"]["element"]["initial_value"] == "3"
    assert found["hard"]["element"]["initial_option"]["value"] == "false"
    assert found["names"]["element"]["initial_value"] == "a\nb"
    assert [block["optional"] for block in found.values()] == [False, True, True, True]
    assert Slip.of(view) == SLIP


def test_what_is_typed_becomes_typed_inputs() -> None:
    """Texts, numbers, choices and lists come out as the runbook wants them; what is left empty has its default."""
    values, errors = started(
        plan(INPUTS), submitted(key=" AKIA1 ", count="7", hard=("option", "true"), names="x, y\nz")
    )
    assert not errors
    assert values == {"key": "AKIA1", "count": 7, "hard": True, "names": ["x", "y", "z"]}
    values, errors = started(plan(INPUTS), submitted(key="AKIA1", count=None))
    assert not errors
    assert values == {"key": "AKIA1", "count": 3, "hard": False, "names": ["a", "b"]}


def test_mistakes_stand_at_their_fields_with_what_the_pattern_means() -> None:
    """A value that does not fit is told at its field, with the description of the input."""
    _, errors = started(plan(INPUTS), submitted(key="nonsense", count="many"))
    assert set(errors) == {"key", "count"}
    assert "does not match AKIA[0-9]+" in errors["key"]
    assert errors["key"].endswith("The id of the key, AKIA….")
    assert "not a whole number" in errors["count"]
    _, errors = started(plan(INPUTS), submitted())
    assert errors == {"key": "This is needed. The id of the key, AKIA…."}


def test_a_runbook_with_many_inputs_fits_a_modal() -> None:
    """60 inputs with long words fit Slack's limits; of 200 the required ones come first, the others keep defaults."""
    many = {
        f"input_{number}": Input(type="string", description="long " * 2000, default="d" * 5000, required=False)
        for number in range(60)
    }
    view = start_form(plan(many), SLIP)
    check_view(view, set())
    assert len(blocks_of(view)) == 60
    assert len(json.dumps(view)) < 250_000
    assert all("initial_value" not in block["element"] for block in blocks_of(view).values())

    more = {f"input_{number}": Input(type="string", required=number > 190) for number in range(200)}
    view = start_form(plan(more), SLIP)
    check_view(view, set())
    assert {f"input_{number}" for number in range(191, 200)} <= blocks_of(view).keys()
    assert "105 more inputs keep their defaults" in view["blocks"][0]["text"]["text"]


def test_long_titles_are_cut() -> None:
    """A title and a prompt of any length fit."""
    long = plan(INPUTS).model_copy(update={"title": "A very long title of a runbook " * 20})
    check_view(start_form(long, SLIP), set())
    check_view(reason_form(Slip("deny", "i", "s"), "Deny " * 10, "why " * 2000, "Deny it at once please"), set())
    check_view(note_form(Slip("note", "i"), "text"), set())
    check_view(loading(Slip("retry", "i", "s"), "Retry"), set())


def test_a_form_that_is_not_ours_is_refused() -> None:
    """What somebody else's app, or an old version, has written is not taken for ours."""
    for metadata, callback in (
        ("{}", "firedoor."),
        ("[]", "firedoor.start"),
        ("no", "firedoor.start"),
        ('{"x": 1}', ""),
    ):
        with pytest.raises(UsageError, match="not one that firedoor knows"):
            Slip.of({"private_metadata": metadata, "callback_id": callback})
    with pytest.raises(UsageError, match="not one that firedoor knows"):
        Slip.of({})
    with pytest.raises(UsageError, match="too long"):
        Slip("deny", "i" * 4000).text()


def test_reasons_and_boxes_are_read() -> None:
    """Abort asks why, and whether to take back what was done."""
    view = reason_form(Slip("abort", "incident"), "Abort", "Nothing is undone.", "Abort")
    check_view(view, set())
    assert set(blocks_of(view)) == {"reason", "undo"}
    form = submitted(reason=" false alarm ", undo=[{"value": "true"}])
    assert reason_of(form) == "false alarm"
    assert ticked(form, "undo")
    assert not ticked(submitted(reason="x", undo=[]), "undo")
    assert filled({"state": {"values": {"x": None, "y": {"value": 3}}}}) == {}
    assert filled({}) == {}


RETRIED = StepView(
    id="sessions",
    kind="uses",
    title="Find what was born from it",
    action="aws.cloudtrail.access_key_activity",
    state=StepState.NEEDS_ATTENTION,
    failure=Failure(reason="not_found", what="There is no such region."),
    arguments={"access_key_id": "AKIA1", "hours": 5, "regions": ["eu-west-1", "us-east-1"]},
    changeable=("account", "hours", "regions"),
)


def test_a_retry_changes_only_what_was_changed() -> None:
    """The form shows the arguments that may be changed; only those that differ are sent, with the types of the step."""
    view = retry_form(Slip("retry", "i", "sessions"), RETRIED)
    check_view(view, set())
    assert set(blocks_of(view)) == {"argument.hours", "argument.regions", "reason"}
    same = submitted(**{"argument.hours": "5", "argument.regions": "eu-west-1,us-east-1"})
    assert retried(RETRIED, same) == ({}, {})
    other = submitted(**{"argument.hours": "7", "argument.regions": "eu-west-1"})
    assert retried(RETRIED, other) == ({"hours": 7, "regions": ["eu-west-1"]}, {})


def test_a_wrong_argument_stands_at_its_field() -> None:
    """What the step's contract does not take is told at the field."""
    values, errors = retried(RETRIED, submitted(**{"argument.hours": "soon"}))
    assert not values
    assert "hours of sessions cannot be 'soon'" in errors["argument.hours"]


def test_a_retry_of_many_targets_may_take_the_failed_ones_only() -> None:
    """A for_each has a box for it."""
    failed = FailedTarget(key="0", name="x", failure=Failure(reason="busy", what="busy"))
    many = RETRIED.model_copy(update={"progress": Progress(total=3, done=2, failed=1), "failed": (failed,)})
    assert "failed" in blocks_of(retry_form(Slip("retry", "i", "s"), many))


ASK = Ask(
    prompt="Is production healthy?",
    fields={
        "healthy": Field(type="boolean", description="Look at the dashboard"),
        "count": Field(type="integer", required=False),
        "place": Field(type="string", choices=("here", "there" * 30)),
        "more": Field(type="string", required=False),
    },
)


def test_an_answer_has_the_types_of_the_form() -> None:
    """Yes or no, numbers, choices of any length, and texts."""
    view = answer_form(Slip("answer", "i", "s"), ASK)
    check_view(view, set())
    form = submitted(
        **{"field.healthy": ("option", "false"), "field.count": "3", "field.place": ("option", "#1"), "field.more": "x"}
    )
    assert answered(ASK, form) == ({"healthy": False, "count": 3, "place": "there" * 30, "more": "x"}, {})
    wrong = submitted(**{"field.count": "9" * 30, "field.place": ("option", "#9")})
    values, errors = answered(ASK, wrong)
    assert values == {}
    assert set(errors) == {"field.healthy", "field.count", "field.place"}
    assert chosen("#x", ("a",)) == ""


def test_a_secret_is_never_typed_into_slack() -> None:
    """A form with a secret has no field at all, and says which command asks for it."""
    ask = Ask(prompt="The new key", fields={"key": Field(type="secret", provider="openai", into=("aws-sm:x",))})
    view = answer_form(Slip("answer", "incident-1", "new_key"), ask)
    check_view(view, set())
    assert not blocks_of(view)
    assert "submit" not in view
    assert "firedoor answer incident-1 new_key" in json.dumps(view)
