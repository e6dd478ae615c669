"""Whatever stands in a payload: it is read without a fault, as something or as nothing."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import UsageError
from firedoor.plan import Ask, Field, Input, Plan, PlannedStep
from firedoor.slack.drawing.fields import filled
from firedoor.slack.inbound.forms import Slip, answered, started
from firedoor.slack.inbound.people import visitor
from firedoor.slack.inbound.replies import Place, message_of, place_of
from firedoor.slack.inbound.router import Envelope
from firedoor.slack.payload import sound, word

#: The names that are looked for, so that random payloads have them.
NAMES = (
    "actions", "action_id", "bot_id", "channel", "channel_id", "container", "event", "id", "key", "message", "private_metadata",
    "selected_option", "selected_options", "state", "team_id", "thread_ts", "trigger_id", "type", "user", "user_id", "value",
    "values", "view",
)  # fmt: skip
LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("\ud800")
ANYTHING = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)
PAYLOAD = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=6)
PLAN = Plan(
    name="any",
    runbook_sha256="0" * 64,
    inputs={"key": Input(type="string", pattern="[a-z]+"), "values": Input(type="list"), "id": Input(type="integer")},
    steps=(PlannedStep(id="look", kind="wait", wait=1),),
)
ASK = Ask(prompt="?", fields={"key": Field(type="integer"), "id": Field(type="boolean")})


@given(PAYLOAD)
def test_any_payload_is_read(payload: dict[str, Any]) -> None:
    """Who, where, which message, which key: texts, never a fault."""
    assert isinstance(visitor(payload).identity(), str)
    assert isinstance(place_of(payload), Place)
    assert isinstance(message_of(payload), str)
    envelope = Envelope("interactive", payload, "x")
    assert envelope.key.partition("/")[0] in {"event_id", "trigger_id", "envelope"}
    assert isinstance(envelope.type, str)
    with suppress(UsageError):
        Slip.of(payload)


@given(PAYLOAD)
def test_any_form_is_values_or_mistakes(form: dict[str, Any]) -> None:
    """What was typed fits the runbook, or is told at its field; texts can be stored."""
    values, errors = started(PLAN, form)
    assert set(values) | set(errors) == set(PLAN.inputs)
    answers, wrong = answered(ASK, form)
    assert answers.keys().isdisjoint(wrong)
    assert all(text.encode() for text in filled(form).values())


@given(st.dictionaries(st.sampled_from(tuple(PLAN.inputs)), st.text(max_size=20) | st.just("\ud800")))
def test_any_text_in_a_form(texts: dict[str, str]) -> None:
    """Any text in a field is a value or a mistake."""
    state = {name: {"value": {"value": text}} for name, text in texts.items()}
    values, errors = started(PLAN, {"state": {"values": state}})
    assert "key" in errors or values["key"].isalpha()


def test_half_a_character_is_replaced() -> None:
    """JSON may hold halves of characters, which nothing can store."""
    assert word({"x": "a\ud800b"}, "x") == "a?b"
    assert sound("né") == "né"
    assert word({"x": 7}, "x") == ""
