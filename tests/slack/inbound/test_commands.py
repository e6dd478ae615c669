"""What is typed after /firedoor: verbs, words of runbooks, inputs, and what is said of everything else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import UsageError
from firedoor.plan import Input, Plan, PlannedStep, Trigger
from firedoor.slack.inbound.choices import helped
from firedoor.slack.inbound.commands import (
    VERBS,
    Approve,
    Command,
    Help,
    Note,
    Overview,
    Start,
    Status,
    how,
    parse,
    typed,
    usage,
    values,
)


def plan(name: str, word: str = "", **inputs: Input) -> Plan:
    """A runbook with a Slack word."""
    triggers = (Trigger(slack=word),) if word else ()
    step = PlannedStep(id="look", kind="wait", wait=1)
    return Plan(name=name, runbook_sha256="0" * 64, inputs=inputs, triggers=triggers, steps=(step,))


KEY = plan(
    "aws-access-key-leaked",
    "aws-key",
    access_key_id=Input(type="string", description="The key that leaked"),
    since=Input(type="string", default="", required=False),
)
ROTATE = plan("rotate-everything")
PLANS = {one.name: one for one in (KEY, ROTATE)}


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", Overview()),
        ("   ", Overview()),
        ("aws-key AKIA1", Start("aws-access-key-leaked", ("AKIA1",))),
        ("AWS-KEY AKIA1", Start("aws-access-key-leaked", ("AKIA1",))),
        ("aws-access-key-leaked", Start("aws-access-key-leaked")),
        ("run aws-key AKIA1 since=2026", Start("aws-access-key-leaked", ("AKIA1", "since=2026"))),
        ("run rotate-everything", Start("rotate-everything")),
        ("Status", Status()),
        ("status 7EXAMPLE", Status("7EXAMPLE")),
        ("approve", Approve()),
        ("approve 7EXAMPLE delete_key", Approve(("7EXAMPLE", "delete_key"))),
        ("note it isn't over", Note("it isn't over")),
        ("help", Help()),
        ("help note", Help("note")),
    ],
)
def test_a_command_is_read_from_what_was_typed(text: str, command: Command) -> None:
    """Verbs, words of runbooks and names of runbooks begin a command; a phone's capital letter does not matter."""
    assert parse(text, PLANS) == command


@pytest.mark.parametrize(
    ("text", "what", "next"),
    [
        ("statsu", "Did you mean status?", "Verbs: run, status"),
        ("aws-kye AKIA1", "Did you mean aws-key", "Words that start a runbook: aws-key"),
        ("zzzz", "is neither a verb nor the word of a runbook.", "Verbs:"),
        (
            "run",
            "Which runbook? There are: aws-access-key-leaked, rotate-everything",
            "Expected: /firedoor run RUNBOOK",
        ),
        ("run aws-access-key-leakd", "Did you mean aws-access-key-leaked or aws-key?", "Expected: /firedoor run"),
        ("run zzzz", "There are: aws-access-key-leaked", "Expected: /firedoor run"),
        ("status one two", "'two' is one word too many", "Expected: /firedoor status [INCIDENT]"),
        ("approve one two three", "'three' is one word too many", "Expected: /firedoor approve [INCIDENT] [STEP]"),
        ("note", "A note needs a text", "Expected: /firedoor note [INCIDENT] TEXT"),
        ("help aprove", "Did you mean approve?", "There are: run"),
        ('aws-key "AKIA1', "A quote is opened and not closed", "with spaces"),
    ],
)
def test_what_is_no_command_is_answered_with_what_is_expected(text: str, what: str, next: str) -> None:
    """An unknown verb or a wrong argument is told with the nearest match, and with how it is written."""
    with pytest.raises(UsageError) as error:
        parse(text, PLANS)
    assert what in error.value.what
    assert next in error.value.next
    assert error.value.changed.startswith("Nothing was")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("run x reason=“two words”", 'run x reason="two words"'),
        ("note it isn’t over", "note it isn't over"),
        ("run x url=<https://a.example/x?y=1&amp;z=2>", "run x url=https://a.example/x?y=1&z=2"),
        ("run x host=<http://a.example|a.example>", "run x host=a.example"),
        ("run x who=<mailto:ada@a.example|ada@a.example>", "run x who=ada@a.example"),
        ("run x who=<mailto:ada@a.example>", "run x who=ada@a.example"),
        ("note ask <@U01|ada> in <#C01|general>", "note ask @ada in #general"),
        ("note ask <!subteam^S01|@ops> and <!here>", "note ask @ops and here"),
        ("note a &lt; b", "note a < b"),
        ("note x <y|z>", "note x <y|z>"),
        ("status\xa07EXAMPLE", "status 7EXAMPLE"),
    ],
)
def test_what_slack_made_of_the_text_is_undone(sent: str, meant: str) -> None:
    """Typographic quotes, links, mentions and escapes become what was typed."""
    assert typed(sent) == meant


def test_values_stand_in_the_order_of_the_inputs_or_by_their_names() -> None:
    """Names may stand anywhere; the others fill what is left, and a value may have a = in it."""
    assert values(KEY, ("AKIA1", "2026")) == {"access_key_id": "AKIA1", "since": "2026"}
    assert values(KEY, ("since=2026", "AKIA1")) == {"access_key_id": "AKIA1", "since": "2026"}
    assert values(KEY, ("c2VjcmV0Cg==",)) == {"access_key_id": "c2VjcmV0Cg=="}
    assert values(KEY, ()) == {}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("a", "b", "c"), "'c' is one value too many."),
        (("since=1", "since=2"), "since is given twice."),
        (("acces_key_id=AKIA1",), "Did you mean access_key_id?"),
    ],
)
def test_wrong_values_are_told_with_the_usage(words: tuple[str, ...], what: str) -> None:
    """The answer names the value and shows how the runbook is started, with what each input means."""
    with pytest.raises(UsageError) as error:
        values(KEY, words)
    assert what in error.value.what
    assert "/firedoor aws-key ACCESS_KEY_ID [since=…]" in error.value.next
    assert "access_key_id: The key that leaked" in error.value.next


def test_a_runbook_cannot_take_a_verb_away() -> None:
    """A runbook whose Slack word is a verb is started by its name; the verb keeps its meaning."""
    taken = plan("noisy", "note")
    assert parse("note hello", {"noisy": taken}) == Note("hello")
    assert parse("run noisy", {"noisy": taken}) == Start("noisy")


def test_help_names_each_verb_and_each_runbook() -> None:
    """Whoever asks for help finds all verbs, all words, and what works in threads."""
    told = "\n".join(helped("", [KEY, ROTATE]))
    for verb in VERBS:
        assert f"/firedoor {verb}" in told
    assert usage(KEY) in told
    assert "/firedoor run rotate-everything" in told
    assert "@firedoor" in told
    assert helped("status", [KEY])[0] == "/firedoor status [INCIDENT]"
    assert usage(KEY) in "\n".join(helped("run", [KEY]))


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_command_or_a_sentence(text: str) -> None:
    """No text is anything but a command or a `UsageError` with what to do next."""
    says = ["a command"]
    try:
        parse(text, PLANS)
    except UsageError as error:
        says = [error.what, error.next]
    assert all(says)


def test_the_page_has_each_verb() -> None:
    """What may be typed stands in the reference as it is written."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "slack.md").read_text().replace("\\|", "|")
    for verb in VERBS:
        assert f"`{how(verb)}`" in page
