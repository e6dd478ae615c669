"""Which runbook an alert starts, and why not."""

import pytest

from firedoor.alerts import Alert, match, matches
from firedoor.errors import UsageError
from firedoor.plan import Plan
from tests.compiling import check_compiles

ALERT = Alert(source="guardduty", id="f1", type="UnauthorizedAccess:IAMUser/X", severity=8.0, access_key_id="AKIAFAKE")


def plan(name: str, *triggers: str) -> Plan:
    """A runbook that takes a key, with these triggers."""
    lines = "\n".join(f"  - {trigger}" for trigger in triggers)
    head = f"name: {name}\ninputs: {{key: {{type: string, pattern: 'AKIA[A-Z]+'}}, n: {{type: integer, default: 1}}}}"
    return check_compiles(
        f"{head}\ntriggers:\n{lines}\nsteps: {{w: {{wait: 1m}}}}\n"
        if triggers
        else f"{head}\nsteps: {{w: {{wait: 1m}}}}\n"
    )


SEVERE = "{alert: guardduty, when: alert.severity >= 7.0, inputs: {key: '${{ alert.access_key_id }}'}}"
ANY = "{alert: guardduty, inputs: {key: '${{ alert.access_key_id }}', n: 2}}"


def test_the_runbook_whose_trigger_fits() -> None:
    """With its inputs, defaults included."""
    severe, other = plan("severe", SEVERE), plan("other", "{slack: other}")
    assert match(ALERT, [other, severe]) == (severe, {"key": "AKIAFAKE", "n": 1})


def test_the_first_trigger_that_fits_counts() -> None:
    """A plan is started once, however many of its triggers fit."""
    both = plan("both", SEVERE, ANY)
    assert matches(ALERT, [both]).found == ((both, {"key": "AKIAFAKE", "n": 1}),)
    mild = ALERT.model_copy(update={"severity": 2.0})
    assert match(mild, [both]) == (both, {"key": "AKIAFAKE", "n": 2})


def test_why_nothing_is_started() -> None:
    """Each runbook has its reason."""
    found = matches(ALERT.model_copy(update={"severity": 6.9}), [plan("a", SEVERE), plan("b"), plan("c", "{slack: c}")])
    assert found.found == ()
    assert found.reasons == (
        "a: its condition does not hold: alert.severity >= 7.0 (alert.severity is 6.9)",
        "b: it has no trigger for guardduty",
        "c: it has no trigger for guardduty",
    )


def test_a_trigger_whose_inputs_do_not_fit() -> None:
    """An alert without a key fits the condition and starts nothing; the reason says so."""
    with pytest.raises(UsageError) as caught:
        match(ALERT.model_copy(update={"access_key_id": ""}), [plan("severe", SEVERE)])
    assert "starts no runbook" in caught.value.what
    assert "severe: trigger 1 needs alert.access_key_id, and this alert has none" in caught.value.what
    with pytest.raises(UsageError) as caught:
        match(ALERT.model_copy(update={"access_key_id": "asia"}), [plan("severe", SEVERE)])
    assert "its trigger fits, but its inputs do not" in caught.value.what
    assert "key has the value 'asia'" in caught.value.what
    assert "(alert.access_key_id is 'asia')" in caught.value.what


def test_an_expression_that_fails_is_a_reason() -> None:
    """No alert can break the matching of the others."""
    broken = plan("broken", "{alert: guardduty, when: 'int(alert.title) > 1', inputs: {key: AKIAX}}")
    severe = plan("severe", SEVERE)
    found = matches(ALERT, [broken, severe])
    assert [one.name for one, _ in found.found] == ["severe"]
    assert "broken: " in found.reasons[0]
    assert "int(alert.title) > 1" in found.reasons[0]


def test_two_runbooks_for_one_alert() -> None:
    """A person chooses."""
    with pytest.raises(UsageError, match="fits more than one runbook: a, b"):
        match(ALERT, [plan("a", SEVERE), plan("b", ANY)])


@pytest.mark.parametrize(
    ("trigger", "needs", "failed"),
    [
        ("{alert: guardduty, when: 'alert.account != \"\"', inputs: {key: AKIAX}}", "alert.account", False),
        ("{alert: guardduty, when: \"alert.labels.team == 'a'\", inputs: {key: AKIAX}}", "alert.labels.team", True),
        ("{alert: guardduty, inputs: {key: '${{ alert.raw.detail.key }}'}}", "alert.raw.detail.key", True),
        ("{alert: guardduty, inputs: {key: 'AKIA${{ alert.account + alert.region }}'}}", "alert.account and", True),
    ],
)
def test_a_field_that_the_alert_has_not(trigger: str, needs: str, failed: bool) -> None:
    """It is told by name, and by which trigger it is needed; that a condition does not hold is nobody's failure."""
    found = matches(ALERT, [plan("one", "{slack: one}", trigger)])
    (reason,) = found.reasons
    assert reason.startswith(f"one: trigger 2 needs {needs}")
    assert reason.endswith(", and this alert has none")
    assert found.failures == (found.reasons if failed else ())


@pytest.mark.parametrize(
    "other", ["alert.severity > 9.0", "alert.type == 'x'", "alert.title.size() > 5", "int(alert.account) > 5"]
)
def test_a_field_that_would_not_help(other: str) -> None:
    """Where the condition does not hold for another reason as well, that one is told."""
    trigger = f"{{alert: guardduty, when: \"{other} && alert.account != ''\", inputs: {{key: AKIAX}}}}"
    found = matches(ALERT, [plan("one", trigger)])
    assert found.reasons[0].startswith("one: its condition does not hold: ")
    assert "alert.account is empty" in found.reasons[0]


def test_an_input_that_is_needed_is_never_empty() -> None:
    """Also where the runbook would take an empty text: whoever wrote it wanted something to be there."""
    text = "name: any\ninputs: {token: {type: string}}\nsteps: {w: {wait: 1m}}\ntriggers:\n"
    one = check_compiles(text + "  - {alert: guardduty, inputs: {token: '${{ alert.region }}'}}\n")
    found = matches(ALERT, [one])
    assert found.reasons == ("any: trigger 1 needs alert.region, and this alert has none",) == found.failures
    other = check_compiles(text + "  - {alert: guardduty, inputs: {token: ''}}\n")
    assert matches(ALERT, [other]).failures == ("any: its trigger fits, but its input token would be empty",)
    assert match(ALERT.model_copy(update={"region": "eu-west-1"}), [one])[1] == {"token": "eu-west-1"}
