"""The founding incident, with few customers: from GuardDuty's finding to the report, everything on this machine."""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from firedoor.campaign import Flow, MessageState
from firedoor.config import Settings
from firedoor.drill.ai_gateway_breached import AiGatewayBreached
from firedoor.drill.clientele import Client, Habit, clientele, habits
from firedoor.drill.in_slack import InSlack
from firedoor.drill.rehearsal import Audience, drill
from firedoor.drill.result import DrillResult
from firedoor.drill.slack.local import LocalSlack
from firedoor.errors import UsageError
from firedoor.outbox.store import Outbox
from firedoor.plan import Verdict
from firedoor.timeline.entry import Entry, Kind
from tests.written import contents

CUSTOMERS = 40


@dataclass(frozen=True)
class Run:
    """A drill that has ended: its result, its record, its stage, what it left."""

    result: DrillResult
    record: list[Entry]
    scenario: AiGatewayBreached
    door: InSlack
    folder: Path

    def who(self, habit: Habit) -> list[Client]:
        """The customers with a habit."""
        return [one for one in self.scenario.clients if one.habit is habit]


def run(folder: Path, emulator: Path, scenario: AiGatewayBreached) -> Run:
    """The drill, as the command line starts it."""
    record: list[Entry] = []
    settings = Settings(home=folder / "unused", emulator=str(emulator))
    with LocalSlack() as slack:
        door = InSlack(slack)
        audience = Audience(record=record.extend)
        result = asyncio.run(drill(scenario, settings, audience, folder / "kept", door))
    return Run(result, record, scenario, door, folder / "kept")


def test_the_founding_incident(tmp_path: Path, emulator: Path) -> None:
    """One run, seen from all sides: it costs too much to be run for each of them."""
    done = run(tmp_path, emulator, AiGatewayBreached(CUSTOMERS))
    contained_from_the_alert_to_the_last_customer(done)
    every_customer_is_told_once(done)
    who_does_not_replace_its_key_loses_it_with_an_approval(done)
    the_clocks_are_met(done)
    the_report_tells_it_with_its_proof(done)
    no_secret_and_no_address_is_where_it_must_not_be(done)


def contained_from_the_alert_to_the_last_customer(done: Run) -> None:
    """An alert started it, people decided in Slack, and the providers' own answers prove it."""
    assert (done.result.contained, done.result.verdict) == (True, Verdict.CONTAINED), done.result.sentence
    opened = next(one for one in done.record if one.kind == Kind.INCIDENT_OPENED)
    assert (opened.part("actor")["id"], opened.body["drill"]) == ("alert:guardduty", True)
    approved = {str(one.part("cause")["step"]): one.part("actor") for one in done.record if one.kind == Kind.APPROVAL}
    assert {*approved} == {"rotate_own", "notify", "notify_escalation", "tell_disabled"}
    assert {actor["auth"] for actor in approved.values()} == {"slack"}


def every_customer_is_told_once(done: Run) -> None:
    """Whoever can be reached was, by a message that came once; the others were telephoned; nothing is in doubt."""
    facts = done.result.proof.facts
    unreachable = len(done.who(Habit.NOBODY)) + len(done.who(Habit.DEAF))
    with Outbox.open(done.folder / "data" / "outbox.sqlite") as outbox:
        campaign = next(one for one in outbox.campaigns() if one.step == "notify")
        standing = outbox.standing(campaign.id, 0)
        rows = outbox.messages(campaign.id, limit=1_000)
    assert (campaign.flow, standing.customers, standing.tasks) == (Flow.ENDED, CUSTOMERS, 0)
    assert (standing.reached, standing.by_hand) == (CUSTOMERS, unreachable)
    assert MessageState.IN_DOUBT not in {one.state for one in rows}
    assert {one.channel for one in rows} == {"slack", "email"}
    assert max(one.reminder for one in rows) >= 1
    assert (facts["told twice"], facts["in doubt"]) == ("0", "0")
    acknowledged = {one.customer.id for one in done.who(Habit.ACKNOWLEDGES)}
    assert done.scenario.reactions.acknowledged == acknowledged
    assert standing.acknowledged == len(acknowledged)


def who_does_not_replace_its_key_loses_it_with_an_approval(done: Run) -> None:
    """The store holds no value of before; those who replaced theirs were not touched."""
    store, planted = done.scenario.braintrust, done.scenario.planted
    assert not store.alive("ai_secret") & planted
    kept = {str(one["name"]) for one in store.objects["ai_secret"].values()}
    idle = {*done.who(Habit.NEVER), *done.who(Habit.NOBODY), *done.who(Habit.DEAF)}
    assert idle
    assert not kept & {name for one in idle for name in one.secrets}
    prompt = {name for one in done.who(Habit.PROMPT) for name in one.secrets}
    assert prompt <= kept


def the_clocks_are_met(done: Run) -> None:
    """Each that was set was met in time: those of contracts because their customers were reached, not by a word."""
    names = {str(one.body["deadline"]) for one in done.record if one.kind == Kind.DEADLINE_SET}
    met = {str(one.body["deadline"]) for one in done.record if one.kind == Kind.DEADLINE_MET and not one.body["late"]}
    hours = {f"contracts_{hours}h" for hours in (24, 48, 72)}
    assert names == met == {"authority", "controllers"} | hours
    assert done.result.proof.facts["clocks"] == "5 met"
    by_people = [one for one in done.record if one.kind == Kind.DEADLINE_MET and one.part("actor")["kind"] == "human"]
    assert [one.body["deadline"] for one in by_people] == ["authority"]


def the_report_tells_it_with_its_proof(done: Run) -> None:
    """As a page and as Markdown: verdicts, customers, clocks, approvals, and the digest of the bundle beside it."""
    page, text = ((done.folder / name).read_text() for name in ("report.html", "report.md"))
    assert "<script" not in page
    for wanted in (
        "contained",
        "notify_escalation",
        "provider-keys-exposed",
        "GDPR 33(1)",
        "user:ada",
        "this was a drill",
    ):
        assert wanted.casefold() in page.casefold(), wanted
    digest = re.search(r"SHA-256 of it\*\*: `([0-9a-f]{64})`", text)
    assert digest
    assert digest[1] in page
    assert "every byte is what was signed" in text


def no_secret_and_no_address_is_where_it_must_not_be(done: Run) -> None:
    """No planted value is in history, stores, logs, mails or the report; no address in timeline, export or report."""
    addresses = [b"security@", b"admin@"]
    for name, data in contents(done.folder, without="emulator"):
        assert not re.search(rb"canary[0-9a-f]{32}", data), name
        if any(part in name for part in ("timeline.sqlite", "incident.zip", "report.", "result.json")):
            assert not [one for one in addresses if re.search(one + rb"[a-z0-9-]+-\d{4}\.example", data)], name
    assert done.result.proof.facts["telephoned"].startswith("2 ")
    assert json.loads((done.folder / "result.json").read_text())["shortened"]


def test_the_same_number_of_customers_is_the_same_people() -> None:
    """Every id and address is unique but for those that are shared on purpose; every habit is among them."""
    first, again = (clientele(200, "braintrust:ai_secret/") for _ in range(2))
    assert first == again
    assert len({one.customer.id for one in first}) == 200
    assert {*habits(first)} == {*Habit}
    assert all(one.customer.contacts or one.habit is Habit.NOBODY for one in first)


def test_only_the_times_of_campaigns_are_shortened() -> None:
    """A day of a campaign takes the seconds that the drill says; clocks and everything else stay as they are."""
    runbook = Path("runbooks/ai-gateway-breached.yaml").read_text()
    scenario = AiGatewayBreached(CUSTOMERS)
    changed = [
        (before.strip(), after.strip())
        for before, after in zip(runbook.splitlines(), scenario.adapted(runbook).splitlines(), strict=True)
        if before != after
    ]
    assert dict(changed)["remind: [24h, 48h, 72h]"] == "remind: [2s, 5s, 8s]"
    assert "remind: [24h, 4h]" not in dict(changed)
    assert len(changed) == 7


def test_too_few_customers_are_refused() -> None:
    """Then not every kind of customer would be among them."""
    with pytest.raises(UsageError, match="10 customers are too few"):
        AiGatewayBreached(10)
