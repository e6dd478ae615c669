"""`campaign:` in a runbook: what it becomes, and every mistake at its place."""

from pathlib import Path
from textwrap import dedent

import pytest

from firedoor.automation import supervised, unasked
from firedoor.catalog import shapes
from firedoor.compiler import NoticeShape, RunbookErrors, compile_runbook
from firedoor.config import Settings
from firedoor.plan import Cohort, Effect, Plan
from firedoor.runbook import Diagnostic
from tests.compiling import ACTIONS

NOTICES = {"keys-exposed": NoticeShape({1: {"day": False, "more": True}, 2: {"day": False, "why": False}})}
HEAD = """\
name: test
inputs: {day: {type: string}, names: {type: list}}
approvals:
  legal: {from: ['user:lea']}
  security: {from: ['user:ada']}
"""
WHOLE = """\
steps:
  notify:
    title: Tell the customers
    campaign:
      notice: keys-exposed
      to: [acme, globex]
      cohorts:
        confirmed: customer.exposure == "confirmed"
        possible: 'true'
      channels: [slack, email]
      approval: legal
      canary: 10
      until: customer.remediated
      remind: [24h, 48h, 72h]
      quiet: {from: '22:00', to: '07:00'}
      escalate: {after: 96h, uses: test.revoke, with: {id: '${{ credential.id }}'}, approval: security}
    with: {day: '${{ inputs.day }}'}
"""


def compiled(text: str) -> Plan:
    """The plan of a runbook with these steps."""
    return compile_runbook(HEAD + dedent(text), ACTIONS, notices=NOTICES)


def mistakes(text: str) -> list[Diagnostic]:
    """Every mistake of a runbook with these steps."""
    with pytest.raises(RunbookErrors) as caught:
        compiled(text)
    return list(caught.value.diagnostics)


def small(*lines: str, given: str = "{day: today}") -> str:
    """A campaign with these keys, after `notice`, in the ninth line and seventh column."""
    keys = "\n".join(f"      {line}" for line in lines)
    asked = "" if any("approval:" in line for line in lines) else "      approval: legal\n"
    return f"steps:\n  notify:\n    campaign:\n{keys}\n      notice: keys-exposed\n{asked}    with: {given}\n"


def test_the_whole_of_it() -> None:
    """The campaign as it is written, its approval, and a step for what is left at the end."""
    notify, escalation = compiled(WHOLE).steps
    assert notify.campaign
    campaign = notify.campaign
    assert campaign.cohorts == (
        Cohort(name="confirmed", when='customer.exposure == "confirmed"'),
        Cohort(name="possible", when="true"),
    )
    assert (campaign.channels, campaign.every) == (("slack", "email"), False)
    assert (campaign.remind, campaign.escalates) == ((86_400, 172_800, 259_200), 345_600)
    assert (campaign.quiet, campaign.collect) == (("22:00", "07:00"), True)
    assert (notify.kind, notify.approval, notify.effect) == ("campaign", "legal", Effect.DESTRUCTIVE)
    assert notify.arguments == {"day": "${{ inputs.day }}"}
    assert (escalation.id, escalation.title) == ("notify_escalation", "Escalate: Tell the customers")
    assert (escalation.action, escalation.approval, escalation.needs) == ("test.revoke", "security", ("notify",))
    assert escalation.loop
    assert (escalation.loop.items, escalation.loop.name) == ("steps.notify.remaining", "credential")


@pytest.mark.parametrize(
    ("written", "channels", "every"),
    [
        ("all", ("slack", "email", "webhook"), True),
        ("{all: [email, slack]}", ("email", "slack"), True),
        ("[webhook]", ("webhook",), False),
    ],
)
def test_the_ways_to_a_customer(written: str, channels: tuple[str, ...], *, every: bool) -> None:
    """The first that reaches it, or every one."""
    campaign = compiled(small("to: [acme]", f"channels: {written}")).steps[0].campaign
    assert campaign
    assert (campaign.channels, campaign.every) == (channels, every)


def test_others_may_read_what_became_of_it() -> None:
    """Counts are numbers, what is left are credentials, and the escalation is a step like any other."""
    plan = compiled(
        WHOLE
        + """\
  report:
    wait: 1s
    if: >-
      steps.notify.reached < steps.notify.customers && size(steps.notify_escalation.failed) == 0
      && steps.notify.remaining.exists(one, one.provider == "openai")
"""
    )
    assert plan.steps[-1].mentions == ("notify", "notify_escalation")


def test_what_nobody_reads_stays_in_the_store() -> None:
    """Without an escalation, or an expression on it, the list of what is left does not travel."""
    campaign = compiled(small("to: [acme]")).steps[0].campaign
    assert campaign
    assert campaign.collect is False


def test_nobody_is_told_without_an_approval() -> None:
    """A campaign that names no policy does not compile: what was sent cannot be called back."""
    (found,) = mistakes(small("to: [acme]").replace("      approval: legal\n", ""))
    assert (found.code.value, found.message) == (
        "missing-key",
        "Nobody approves what customers are told, and it cannot be called back.",
    )


def test_an_alert_tells_no_customer_by_itself() -> None:
    """What customers were told cannot be untold: an alert's campaign waits for people, or does not compile."""
    trigger = "triggers: [{alert: pagerduty, inputs: {day: today, names: []}}]\n"
    asked = compile_runbook(HEAD + trigger + small("to: [acme]"), ACTIONS, notices=NOTICES)
    bare = asked.model_copy(update={"steps": (asked.steps[0].model_copy(update={"approval": ""}),)})
    held = supervised(bare)
    assert held.steps[0].approval == "legal"
    plan = bare.model_copy(update={"policies": {}, "triggers": held.triggers})
    assert unasked(plan) == ("notify",)


@pytest.mark.parametrize(
    ("lines", "place", "code", "says", "allowed"),
    [
        (["to: acme"], "9:11", "misplaced-expression", "one expression", "steps.NAME.customers"),
        (["to: '${{ inputs.day }}'"], "9:16", "expression-type", "`to` takes customers; this is a text", "affected_by"),
        (["to: []"], "9:11", "bad-value", "names nobody", ""),
        (["canary: 1"], "8:5", "missing-key", "does not say whom to tell", "steps.affected.customers"),
        (["to: [a]", "channels: [slack, emial]"], "10:25", "bad-value", "`emial`", "did you mean `email`?"),
        (["to: [a]", "channels: some"], "10:17", "bad-value", "`some`", "{all: [slack, email]}"),
        (["to: [a]", "channels: []"], "10:17", "bad-value", "no way to the customers", ""),
        (["to: [a]", "channels: [email, email]"], "10:25", "duplicate-key", "named twice", ""),
        (["to: [a]", "approval: leagl"], "10:17", "unknown-policy", "`leagl`", "did you mean `legal`?"),
        (["to: [a]", "until: customer.remediatd"], "10:23", "unknown-field", "`remediatd`", "`remediated`"),
        (["to: [a]", "until: inputs.day == 'x'"], "10:14", "unknown-name", "all that can be read is `customer`", ""),
        (["to: [a]", "until: customer.exposure"], "10:14", "expression-type", "must be true or false", ""),
        (["to: [a]", "until: customer.cohort == 'x'"], "10:14", "unknown-name", "there are no `cohorts`", ""),
        (["to: [a]", "cohorts: {a: customer.hours > 'x'}"], "10:35", "expression-type", "does not go with", ""),
        (["to: [a]", "cohorts: {a: 'true', b: 'true'}"], "10:17", "bad-value", "takes every customer", "put it last"),
        (["to: [a]", "remind: [24h]"], "10:7", "misplaced-key", "`remind` needs `until`", "customer.remediated"),
        (["to: [a]", "until: 'false'", "remind: [48h, 24h]"], "11:21", "out-of-bounds", "1d is not after 2d", ""),
        (["to: [a]", "until: 'false'", "remind: [2x]"], "11:16", "bad-duration", "`2x`", "30s, 5m, 2h, 1d"),
        (
            ["to: [a]", "until: 'false'", "remind: [40d]"],
            "11:15",
            "out-of-bounds",
            "has something to do after 40d",
            "`within`",
        ),
        (["to: [a]", "until: 'false'", "recheck: 1s"], "11:16", "out-of-bounds", "2,592,000 looks", "`recheck`"),
        (["to: [a]", "quiet: {from: '25:00', to: '07:00'}"], "10:21", "bad-value", "`25:00`", "22:00"),
        (["to: [a]", "quiet: {from: '07:00', to: '07:00'}"], "10:34", "bad-value", "the whole day or none", ""),
        (["to: [a]", "version: 3"], "10:16", "unknown-notice", "has no version 3", "it has 1, 2"),
        (["to: [a]", "corrects: x", "version: 2"], "9:7", "misplaced-key", "exclude each other", ""),
        (["corrects: x"], "9:7", "out-of-bounds", "this is version 1", "version: 2"),
        (["to: [a]", "cannary: 1"], "10:7", "unknown-key", "`campaign` has no key `cannary`", "did you mean `canary`?"),
        (
            ["to: [a]", "until: 'false'", "remind: [24h]", "escalate: {after: 4h, uses: test.window}"],
            "12:25",
            "out-of-bounds",
            "before the last reminder",
            "longer than 1d",
        ),
    ],
)
def test_each_mistake_at_its_place(lines: list[str], place: str, code: str, says: str, allowed: str) -> None:
    """Line, column, code, a sentence, and what is allowed."""
    found = mistakes(small(*lines))
    first = next(one for one in found if one.code.value == code)
    assert f"{first.line}:{first.column}" == place, found
    assert says in first.message
    assert allowed in first.allowed


class TestNotice:
    """A runbook names a notice that is there, and gives it what it needs."""

    def test_an_unknown_one_has_its_nearest_name(self) -> None:
        """As every other name."""
        (found,) = mistakes(small("to: [acme]").replace("keys-exposed", "keys-expose"))
        assert (found.code.value, found.line) == ("unknown-notice", 10)
        assert "did you mean `keys-exposed`?" in found.allowed

    def test_its_variables_are_given_and_known(self) -> None:
        """One that is missing and one that does not exist are two mistakes."""
        found = mistakes(small("to: [acme]", given="{dya: today}"))
        assert [one.code.value for one in found] == ["missing-argument", "unknown-argument"]
        assert "did you mean `day`?" in found[1].allowed

    def test_a_value_may_be_given_by_language(self) -> None:
        """One text for each language; what is none, and what cannot be printed, are mistakes at their places."""
        plan = compiled(small("to: [acme]", given="{day: {en: today, pt-BR: '${{ inputs.day }}'}}"))
        assert set(plan.steps[-1].arguments["day"]) == {"en", "pt-BR"}
        found = mistakes(small("to: [acme]", given="{day: {english: today, de: {x: 1}}, more: [a, [b]]}"))
        assert [(one.code.value, one.message) for one in found] == [
            ("wrong-argument", "`day` is a mapping, and `english` is no language."),
            ("wrong-argument", "`day` is nested; a notice prints texts, numbers, and lists of them."),
            ("wrong-argument", "`more` is nested; a notice prints texts, numbers, and lists of them."),
        ]

    def test_a_secret_is_no_text(self) -> None:
        """A reference to a secret never becomes a part of a mail."""
        find = "steps:\n  find: {uses: test.search, with: {query: x}}\n"
        text = small("to: [acme]", given="{day: 'from ${{ steps.find.count }}', more: '${{ steps.find.where }}'}")
        (found,) = mistakes(text.replace("steps:\n", find))
        assert found.message == "This is a reference to a secret; `more` takes a text."

    def test_where_none_are_known_none_is_missed(self) -> None:
        """A runbook that is compiled without a folder of notices is not accused of what nobody could look up."""
        assert compile_runbook(HEAD + small("to: [acme]").replace("keys-exposed", "any"), ACTIONS).steps


class TestEscalation:
    """`escalate` is a step: its mistakes stand where it was written."""

    def test_a_name_that_is_taken(self) -> None:
        """The step is called NAME_escalation, so no other may be."""
        found = mistakes(WHOLE + "  notify_escalation: {wait: 1s}\n")
        assert any(one.code.value == "bad-name" and "is taken" in one.message for one in found)

    def test_an_unknown_action(self) -> None:
        """At `uses`, inside `escalate`."""
        (found,) = mistakes(WHOLE.replace("test.revoke", "test.revok"))
        assert (found.code.value, found.line, found.column) == ("unknown-action", 21, 36)
        assert "did you mean `test.revoke`?" in found.allowed

    def test_it_has_to_be_about_what_is_left(self) -> None:
        """An action that would do the same for every customer is a mistake."""
        found = mistakes(WHOLE.replace("{id: '${{ credential.id }}'}", "{id: always-the-same}"))
        assert [one.code.value for one in found] == ["missing-argument"]
        assert "the same for every customer" in found[0].message

    def test_its_own_arguments_are_checked(self) -> None:
        """A field that a credential does not have."""
        (found,) = mistakes(WHOLE.replace("credential.id", "credential.idd"))
        assert (found.code.value, found.line) == ("unknown-field", 21)


#: As somebody writes it who knows the keys and not the notice: a step that finds credentials, and the campaign.
ASKED = """
name: keys-exposed
approvals: {legal: {from: ['role:legal']}, security: {from: ['role:security']}}
steps:
  scope:
    uses: aws.secretsmanager.list_readable
    with: {principal_arn: 'arn:aws:iam::111122223333:user/gateway'}
  affected:
    uses: customers.affected_by
    with: {credentials: '${{ steps.scope.credentials }}'}
  notify:
    campaign:
      notice: provider-keys-exposed          # firedoor/notices/<notice>/ or the user's own folder
      to: ${{ steps.affected.customers }}
      cohorts:                                # first match wins
        confirmed: customer.exposure == "confirmed"
        possible: 'true'
      channels: [slack, email]                # first that reaches the customer; `all` for every one
      approval: legal                         # binds to the digest of the rendered content and the recipient list
      canary: 10
      until: customer.remediated              # durable: re-chase until then
      remind: [24h, 48h, 72h]
      escalate: {after: 96h, uses: braintrust.disable_secret, approval: security}
"""


def test_the_shipped_notice_needs_nothing_from_a_runbook(tmp_path: Path) -> None:
    """Under stress the shortest campaign is the one that is written: it compiles with the shipped notice as it is."""
    plan = compile_runbook(ASKED, notices=shapes(Settings(home=tmp_path)))
    assert [step.id for step in plan.steps] == ["scope", "affected", "notify", "notify_escalation"]
