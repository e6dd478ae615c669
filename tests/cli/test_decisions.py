"""What a person decides: what is checked before anything is sent. No incident is needed."""

import base64
from pathlib import Path

import pytest

from firedoor.arguments import typed
from firedoor.cli.evidence import MOST_BYTES, attachment
from firedoor.cli.times import seconds
from firedoor.cli.views.arguments import changed
from firedoor.cli.views.preview import preview, previews
from firedoor.cli.views.restoration import approvals, restoration, restored
from firedoor.cli.watch import exit_code
from firedoor.errors import Exit, RefusedError, UsageError
from firedoor.incident import FailedTarget, Failure, IncidentState, IncidentView, Inverse, Preview, StepState, StepView
from firedoor.plan import Effect, Plan, PlannedStep, Policy, Undo, Verdict
from firedoor.undo import undo_plan
from firedoor.words import seconds_until
from tests.cli.conftest import Cli
from tests.cli.pictures import DESTROY, ENDED, KEY, NOW, VIEW, drawn, step

#: What a live token looks like, in two parts so that no scanner takes it for one.
SECRET = "ghp_" + "a1" * 15

LIST = step(
    "list",
    StepState.NEEDS_ATTENTION,
    action="timeline.recorded_changes",
    arguments={"incident": "x", "steps": ["a"]},
    changeable=("incident", "steps"),
)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["note", "x", "the", "token", "is", SECRET], "The note holds what looks like a live secret"),
        (["note", "x", "--file", "/no/such"], "/no/such cannot be read: No such file or directory."),
        (["attach", "x", __file__, "--source", "guardduti"], "Did you mean guardduty"),
        (["attach", "x", __file__, "--source", "guardduty"], "This is not a GuardDuty finding"),
        (["attach", "x", __file__, "--source", "guardduty"], "Nothing was changed."),
        (["attach", "x", __file__], "--source"),
        (["extend", "x", "y", "12"], "'12' is not a duration."),
        (["approve", "x", "y", "--break-glass"], "The reason is empty."),
        (["retry", "x", "y", "region"], "'region' is not argument=value"),
        (["show", "x", "--failed"], "--failed is about one step."),
        (["run", "aws-access-key-leakd"], "Nothing was started."),
        (
            ["run", "aws-access-key-leaked", "access_key_id=hello"],
            "does not match ^(AKIA|ASIA)[A-Z0-9]{12,124}$ (The id",
        ),
    ],
)
def test_wrong_words_are_explained(cli: Cli, words: list[str], sentence: str) -> None:
    """Before anything is sent: a sentence with what is right, and an exit code for usage or refusal."""
    done = cli(*words)
    assert done.code in (Exit.USAGE, Exit.REFUSED)
    assert sentence in done.err
    assert done.out == ""
    assert SECRET not in done.err


def test_a_file_becomes_an_attachment(tmp_path: Path) -> None:
    """With its name, the type that its name says, and its bytes."""
    picture = tmp_path / "paste.png"
    picture.write_bytes(b"\x89PNG")
    found = attachment(picture, anyway=False)
    assert (found.name, found.type) == ("paste.png", "image/png")
    assert base64.b64decode(found.data) == b"\x89PNG"
    odd = tmp_path / "memory.unheard-of"
    odd.write_bytes(b"x" * MOST_BYTES)
    assert attachment(odd, anyway=False).type == "application/octet-stream"


def test_a_file_that_is_too_large_says_what_to_do(tmp_path: Path) -> None:
    """Keep it elsewhere, and note its hash."""
    image = tmp_path / "disk.img"
    image.write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(UsageError) as caught:
        attachment(image, anyway=False)
    assert "larger than 1 MiB" in caught.value.what
    assert "sha256sum" in caught.value.next


def test_a_file_with_a_live_secret_is_refused(tmp_path: Path) -> None:
    """Among any bytes; not where somebody says that it is none."""
    dump = tmp_path / "dump.bin"
    dump.write_bytes(b"\xff\x00" + SECRET.encode())
    with pytest.raises(RefusedError) as caught:
        attachment(dump, anyway=False)
    assert SECRET not in str(caught.value)
    assert "--anyway" in caught.value.next
    assert attachment(dump, anyway=True).name == "dump.bin"


def test_new_arguments_have_the_types_of_the_contract() -> None:
    """A list is written with commas; a text is taken as it is."""
    assert typed({"incident": "y", "steps": "a,b"}, LIST) == {"incident": "y", "steps": ["a", "b"]}
    unknown = LIST.model_copy(update={"action": "ours.unknown"})
    assert typed({"incident": "y"}, unknown) == {"incident": "y"}


@pytest.mark.parametrize(
    ("words", "what", "next"),
    [
        ({"incident": ""}, "incident of list cannot be ''", "firedoor steps timeline.recorded_changes"),
        ({"incidnt": "x"}, "incidnt of list is not an argument that can be changed", "Did you mean incident?"),
        ({"zzz": "x"}, "zzz of list", "These may be: incident, steps."),
    ],
)
def test_arguments_that_may_not_be_changed(words: dict[str, str], what: str, next: str) -> None:
    """The sentence names what may."""
    with pytest.raises(UsageError) as caught:
        typed(words, LIST)
    assert what in caught.value.what
    assert next in caught.value.next


def test_an_argument_that_is_fixed() -> None:
    """A step that lets nothing be changed says so."""
    with pytest.raises(UsageError) as caught:
        typed({"incident": "y"}, LIST.model_copy(update={"changeable": ()}))
    assert "cannot be changed by a retry" in caught.value.what
    assert caught.value.next == "None of its arguments may be."


def test_a_retry_shows_old_and_new() -> None:
    """Side by side; what stays is there as well."""
    page = drawn(changed("store", {"region": "eu-west-1", "name": "a"}, {"region": "eu-central-1"}))
    assert "region  eu-west-1 → eu-central-1" in page
    assert "name    a  as it is" in page


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("30m", 1800), ("12h", 43200), ("2d", 172800)])
def test_durations_are_those_of_runbooks(text: str, expected: int) -> None:
    """A number and a unit."""
    assert seconds(text) == expected


def test_what_is_past_is_not_negative() -> None:
    """A clock that runs late shows zero; what has no end has none."""
    assert seconds_until("2026-11-23T19:05:20Z", NOW) == 0
    assert seconds_until("", NOW) is None


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.RESTORED, Exit.OK),
        (Verdict.CONTAINED, Exit.OK),
        (None, Exit.OK),
        (Verdict.NOT_RESTORED, Exit.NOT_CONTAINED),
        (Verdict.UNKNOWN, Exit.NOT_CONTAINED),
    ],
)
def test_the_exit_code_of_an_undo(verdict: Verdict | None, expected: Exit) -> None:
    """Only what was proved passes."""
    assert exit_code(ENDED.model_copy(update={"verdict": verdict})) is expected


def test_previews_say_what_can_be_undone() -> None:
    """And what changes nothing says neither."""
    reversible = Preview(change="off", before={"on": True}, after={"on": False}, inverse=Inverse(action="test.on"))
    page = drawn(preview(reversible))
    assert "off  can be undone" in page
    assert "on yes → no" in page
    assert "CANNOT BE UNDONE" not in drawn(preview(Preview(change="is off already", before={"on": False})))
    assert "permission not checked: no SimulatePrincipalPolicy" in drawn(
        preview(reversible.model_copy(update={"unchecked": "no SimulatePrincipalPolicy"}))
    )
    assert "… and 995 more like these" in drawn(previews([reversible] * 7, 1000))
    assert drawn(previews([], 7)) == "7 targets"


def test_an_undo_shows_what_it_restores_and_what_stays() -> None:
    """In the order of the undo; what was destroyed, and what has changed since, with the reason."""
    found = restoration(PLAN, acted(), looked(), ())
    page = drawn(restored(acted(), found), 100)
    assert [one.id for one in found.steps] == ["block", "shut"]
    assert page.index("1.  block") < page.index("2.  shut") < page.index("Cannot be taken back:")
    assert "on no → yes" in page
    assert "✗ delete: test.delete has no undo: what it did stays." in page
    assert "✗ store: somebody has changed it since." in page
    assert approvals(undo_plan(PLAN, "x"), found) == [
        "2 of user:ada, user:bob, within 30 min, must approve block, shut"
    ]
    assert list(restoration(PLAN, acted(), looked(), ("shut",)).cannot) == ["store"]


def test_targets_that_cannot_be_restored_are_told_beside_those_that_can() -> None:
    """A key that somebody deleted meanwhile is no key that is as it was."""
    gone = tuple(
        FailedTarget(key=str(key), name=f"k{key}", failure=Failure(reason="changed_since", what=f"k{key} is gone."))
        for key in range(6)
    )
    view = looked()
    steps = [one.model_copy(update={"failed": gone}) if one.id == "shut" else one for one in view.steps]
    found = restoration(PLAN, acted(), view.model_copy(update={"steps": tuple(steps)}), ())
    assert "shut" in [one.id for one in found.steps]
    page = drawn(restored(acted(), found), 100)
    assert "✗ shut: k0 is gone." in page
    assert "… and 1 target more" in page


PLAN = Plan(
    name="contain",
    runbook_sha256="a" * 64,
    policies={"us": Policy(sources=("user:ada", "user:bob"), count=2, expires=1800)},
    steps=(
        *(
            PlannedStep(
                id=name,
                kind="uses",
                action=f"test.{name}",
                effect=Effect.REVERSIBLE,
                undo=Undo(action=f"test.un{name}", effect=Effect.REVERSIBLE),
            )
            for name in ("store", "shut", "block")
        ),
        PlannedStep(id="delete", kind="uses", action="test.delete", effect=Effect.DESTRUCTIVE),
        PlannedStep(id="not_yet", kind="uses", action="test.delete", effect=Effect.DESTRUCTIVE),
    ),
)


def acted() -> IncidentView:
    """What the plan has done."""
    names = ("store", "shut", "block", "delete")
    steps = (*(step(name, StepState.DONE, previews=(DESTROY,)) for name in names), step("not_yet", StepState.PENDING))
    return VIEW.model_copy(update={"steps": steps, "inputs": {"key": KEY}})


def looked() -> IncidentView:
    """What its undo found out in plan mode."""

    def back(name: str) -> StepView:
        change = Preview(change=f"un{name}", before={"on": False}, after={"on": True}, blast={"credentials": 1})
        return step(name, StepState.DONE, previews=(change,), title=f"Undo: {name}")

    failure = Failure(reason="changed_since", what="somebody has changed it since.")
    store = step("store", StepState.NEEDS_ATTENTION, failure=failure)
    first = step("recorded", StepState.DONE)
    return VIEW.model_copy(
        update={"state": IncidentState.COMPLETED, "steps": (first, back("block"), back("shut"), store)}
    )
