"""A saved plan: what is kept, what is refused when it is read, and what has changed since."""

import hashlib
import json
from typing import Any

import pytest

from firedoor.canonical import digest_of
from firedoor.errors import UsageError
from firedoor.incident import (
    Failure,
    IncidentState,
    IncidentView,
    Inverse,
    Mode,
    Preview,
    Progress,
    Responder,
    StepState,
    StepView,
)
from firedoor.plan import Ask, Effect, Input, Loop, Plan, PlannedStep
from firedoor.saved_plan import MOST_BYTES, MOST_PREVIEWS, compare, parse, saved

PLAN = Plan(
    name="leaked",
    runbook_sha256="0" * 64,
    inputs={"door": Input(type="string")},
    steps=(
        PlannedStep(id="find", kind="uses", action="test.find"),
        PlannedStep(id="shut", kind="uses", action="test.shut", effect=Effect.REVERSIBLE),
        PlannedStep(
            id="each",
            kind="uses",
            action="test.shut",
            effect=Effect.REVERSIBLE,
            loop=Loop(items="steps.find.doors", name="one"),
        ),
        PlannedStep(id="sure", kind="ask", ask=Ask(prompt="Sure?", fields={})),
        PlannedStep(id="burn", kind="uses", action="test.burn", effect=Effect.DESTRUCTIVE, mentions=("sure",)),
    ),
)

SHUT = Preview(change="front: open → shut", before={"state": "open"}, after={"state": "shut"})


def door(name: str, **before: object) -> Preview:
    """The change of one of many doors."""
    return Preview(change=f"shut {name}", before=before, inverse=Inverse(action="test.open", arguments={"door": name}))


def told(name: str, state: StepState = StepState.DONE, **facts: object) -> StepView:
    """What a plan run says of a step; with a digest where it previews something."""
    step = StepView.model_validate({"id": name, "kind": "uses", "title": "", "state": state, **facts})
    shown = [preview.model_dump(mode="json") for preview in step.previews]
    return step.model_copy(update={"digest": digest_of(shown)}) if shown else step


def seen(**steps: StepView) -> IncidentView:
    """What a plan run found, with other words about some steps."""
    usual = {
        "find": told("find", summary="3 doors"),
        "shut": told("shut", previews=(SHUT,), blast={"services": 1}),
        "each": told("each", previews=(door("a"), door("b")), progress=Progress(total=2), blast={"services": 2}),
        "sure": told("sure"),
        "burn": told("burn", StepState.SKIPPED, summary="it depends on sure"),
    }
    return IncidentView(
        id="plan.leaked-x",
        runbook="leaked",
        plan=PLAN.digest(),
        mode=Mode.PLAN,
        state=IncidentState.COMPLETED,
        started="2026-11-23T19:02:11.000Z",
        ended="2026-11-23T19:02:14.000Z",
        starter=Responder(principal="user:ada", auth="os"),
        inputs={"door": "front"},
        steps=tuple((usual | steps).values()),
    )


KEPT = saved(PLAN, seen())


def test_what_was_saved_is_read_again() -> None:
    """The same plan, inputs, time, person and changes come back, also with text of any language and floats."""
    strange = Preview(change="密码 → ✓", before={"ratio": 0.5, "schlüssel": None, "big": 2**60})
    kept = saved(PLAN, seen(shut=told("shut", previews=(strange,))))
    again = parse(kept.document(), "plan.json")
    assert again == kept
    assert (again.by, again.read, again.inputs) == ("user:ada", "2026-11-23T19:02:14.000Z", {"door": "front"})


def test_a_run_is_bound_to_every_change_that_was_decided() -> None:
    """Also to none: a step without targets may not find some later. What is decided later is listed instead."""
    kept = saved(PLAN, seen(each=told("each", progress=Progress(total=0))))
    assert kept.shown() == {"shut": kept.steps[1].digest, "each": digest_of({})}
    assert kept.later() == ("burn",)


def test_of_thousands_of_changes_the_first_are_kept() -> None:
    """The file stays small; the digest stands for all of them."""
    many = tuple(door(str(number)) for number in range(5000))
    kept = saved(PLAN, seen(each=told("each", previews=many, progress=Progress(total=5000))))
    assert len(kept.steps[2].previews) == MOST_PREVIEWS
    assert kept.steps[2].targets == 5000


def altered(**changes: Any) -> bytes:
    """The file after somebody changed something in it."""
    return json.dumps(json.loads(KEPT.document()) | changes).encode()


def signed(**changes: Any) -> bytes:
    """A file with a SHA-256 that fits, by somebody who knows how it is made."""
    content = json.loads(KEPT.document()) | changes
    del content["sha256"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(content | {"sha256": hashlib.sha256(text.encode()).hexdigest()}).encode()


STEPS = json.loads(KEPT.document())["steps"]
RENAMED = PLAN.model_copy(update={"name": "other"}).model_dump(mode="json")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is not whole JSON"),
        (KEPT.document()[:-20], "it is not whole JSON"),
        (b"[" * 100_000, "it is not whole JSON"),
        (b'{"version": NaN}', "it is not whole JSON"),
        (b'{"version": 1, "version": 1}', "it is not whole JSON"),
        (b"\xff\xfe\x00", "it is not whole JSON"),
        (b"[1]", "plan.json is no saved plan."),
        (PLAN.canonical(), "its SHA-256 does not fit"),
        (altered(version=2), "of version 2; this firedoor reads version 1"),
        (altered(inputs={"door": "back"}), "its SHA-256 does not fit"),
        (altered(sha256=""), "its SHA-256 does not fit"),
        (b" " * (MOST_BYTES + 1), "too large"),
        (signed(inputs={"door": "back", "more": "x"}), "more"),
        (signed(inputs={"door": 5}), "door"),
        (signed(digest="0" * 64), "contradicts itself"),
        (signed(steps=STEPS[1:]), "contradicts itself"),
        (signed(steps=[STEPS[0], STEPS[1] | {"digest": ""}, *STEPS[2:]]), "contradicts itself"),
        (signed(plan=RENAMED), "contradicts itself"),
        (signed(plan=RENAMED | {"more": 1}), "contradicts itself"),
        (signed(plan={}), "plan.name: Field required"),
        (signed(more=1), "more: Extra inputs are not permitted"),
        (signed(read=5), "read: Input should be a valid string"),
        (signed(drill=True), "read in a drill"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(data: bytes, says: str) -> None:
    """Damaged, cut off, altered, of another version, or contradicting itself: a sentence, and nothing is started."""
    with pytest.raises(UsageError) as refused:
        parse(data, "plan.json")
    assert says in refused.value.what
    assert refused.value.changed == "Nothing was started."
    assert refused.value.next


def test_an_incomplete_plan_is_refused() -> None:
    """What a step would do could not be read: then nobody has looked at it."""
    failed = told("shut", StepState.NEEDS_ATTENTION, failure=Failure(reason="not_found", what="There is no door."))
    with pytest.raises(UsageError, match="incomplete: what these would do could not be read: shut"):
        parse(saved(PLAN, seen(shut=failed)).document(), "plan.json")


def test_an_unchanged_world_differs_in_nothing() -> None:
    """Neither do words of a read, or the time."""
    later = seen(find=told("find", summary="3 doors, read later")).model_copy(update={"ended": "2026-11-24T00:00:00Z"})
    assert compare(KEPT, later) == ()


def differences(**steps: StepView) -> dict[str, tuple[str, ...]]:
    """What has changed, by step."""
    return {one.step: one.lines for one in compare(KEPT, seen(**steps))}


def test_a_change_says_what_was_and_what_is() -> None:
    """The change in words, its state before, its effect and what it touches."""
    now = Preview(change="front: ajar → shut", before={"state": "ajar", "by": "mallory"}, effect=Effect.DESTRUCTIVE)
    assert differences(shut=told("shut", previews=(now,), blast={"services": 3})) == {
        "shut": (
            "services touched: 1 → 3",
            "change: front: open → shut → front: ajar → shut",
            "effect: reversible → destructive",
            "state: open → ajar",
            "by: null → mallory",
        )
    }


def test_targets_that_came_and_went_are_named() -> None:
    """Known by how each would be undone; one that stayed says what is different about it."""
    now = (door("b", lock="new"), door("c"), door("d"))
    lines = differences(each=told("each", previews=now, progress=Progress(total=3), blast={"services": 2}))["each"]
    assert lines == ("targets: 2 → 3", "gone: shut a", "new: shut c", "new: shut d", "shut b: lock: null → new")


def test_a_difference_that_is_not_kept_is_not_hidden() -> None:
    """The digest is of every target, the previews are of the first ones."""
    same = told("each", previews=(door("a"), door("b")), progress=Progress(total=2), blast={"services": 2})
    lines = differences(each=same.model_copy(update={"digest": "f" * 16}))["each"]
    assert lines == ("what it would change is not what it was, in a part of which only the digest is kept",)


def test_a_step_with_another_fate_is_a_difference() -> None:
    """It is skipped now, or cannot be read, or is decided now and was not; gone from the plan altogether."""
    assert differences(shut=told("shut", StepState.SKIPPED))["shut"][0] == "it was going to run → it is skipped"
    failure = Failure(reason="not_found", what="There is no door.")
    assert differences(shut=told("shut", StepState.NEEDS_ATTENTION, failure=failure)) == {
        "shut": ("it could not be read: There is no door.",)
    }
    decided = told("burn", previews=(Preview(change="burn it"),))
    assert differences(burn=decided)["burn"] == (
        "it was decided when it runs → it is going to run",
        "targets: 0 → 1",
        "new: burn it",
    )
    without = seen().model_copy(update={"steps": seen().steps[:-1]})
    assert compare(KEPT, without)[0].lines == ("it is not in the plan any more",)
