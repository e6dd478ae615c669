"""Clocks of a running incident and of one that has ended: they start, remind, run out, are met, outlive it."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import pytest

from firedoor.campaign import Flow
from firedoor.clock import ClockState, ClockView
from firedoor.engine.clocks import all_clocks, clocks_of, decide_clock
from firedoor.errors import RefusedError, UnreachableError
from firedoor.incident import Decision, IncidentState, IncidentView, Responder, StepState, Timing
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign, Clock, Limit, PlannedStep
from firedoor.recipient import CampaignRow
from tests.campaigning import DIGEST, recipient
from tests.workflows.conftest import ADA, PATIENCE, STARTER, Site, off, plan_of

LEGAL = ("user:ada",)
ALERTED = Responder(principal="system:guardduty", auth="door")
WAIT = PlannedStep(id="hold", kind="approval", approval="security")


def clock(name: str, *limits: Limit, **fields: object) -> Clock:
    """A clock of a test plan."""
    return Clock.model_validate({"name": name, "limits": limits, "to": LEGAL, **fields})


def after(moment: str, amount: int, unit: str = "seconds") -> Limit:
    """So much time after a moment."""
    return Limit.model_validate({"after": moment, "amount": amount, "unit": unit})


def of(clocks: Sequence[ClockView], name: str) -> ClockView:
    """One clock by its name."""
    return next(one for one in clocks if one.name == name)


def states(clocks: Sequence[ClockView]) -> dict[str, str]:
    """Where each clock stands."""
    return {one.name: one.state.value for one in clocks}


async def becomes(site: Site, incident: str, name: str, state: ClockState) -> ClockView:
    """Wait until a clock of an incident, which may have ended, is in a state."""
    async with asyncio.timeout(PATIENCE):
        while True:
            # A worker that has just been replaced may keep a task of Temporal's for some seconds.
            with contextlib.suppress(UnreachableError):
                found = of((await site.view(incident)).clocks, name)
                if found.state is state:
                    return found
            await asyncio.sleep(0.05)


async def say(site: Site, incident: str, verb: Timing, who: Responder = ADA, **fields: Any) -> str:
    """What a person says of the clocks."""
    return await decide_clock(site.engine, incident, verb, Decision(responder=who, **fields))


def told(site: Site, incident: str, kind: str) -> list[dict[str, object]]:
    """The bodies of the entries of a kind that are about clocks."""
    return [dict(one.body) for one in site.entries(incident) if one.kind == kind and "deadline" in one.body]


async def test_what_a_person_opens_we_are_aware_of_and_a_step_meets_the_clock(site: Site) -> None:
    """Both moments are entries; the deadline is set, reminded of, and met by what the expression says."""
    plan = plan_of(
        off("gate"),
        WAIT,
        clocks=(
            clock(
                "quick", after("aware", 3600), remind=(7200, 60), met='steps.gate.state == "done"', mentions=("gate",)
            ),
            clock("notice", after("aware", 3), remind=(2,), met='steps.hold.state == "done"', mentions=("hold",)),
        ),
    )
    incident = await site.start(plan)
    assert (await becomes(site, incident, "quick", ClockState.MET)).reason == 'steps.gate.state == "done" holds'
    await becomes(site, incident, "notice", ClockState.RUNNING)
    missed = await becomes(site, incident, "notice", ClockState.MISSED)
    await site.approve(incident, "hold")
    view = await site.engine.result(incident)
    assert of(view.clocks, "notice").state is ClockState.LATE
    assert view.timekeeper == ""

    kinds = site.kinds(incident)
    assert {"incident.detected", "incident.aware"} <= set(kinds)
    assert kinds.index("incident.aware") < kinds.index("deadline.set")
    aware = next(one for one in site.entries(incident) if one.kind == "incident.aware")
    trigger = {"moment": "aware", "at": missed.started, "entry": aware.id}
    [first, second] = told(site, incident, "deadline.set")
    assert [first["trigger"], second["trigger"]] == [trigger, trigger]
    assert second["advice"] == "Not legal advice; confirm with counsel."
    assert [one["deadline"] for one in told(site, incident, "deadline.missed")] == ["notice"]
    assert [one["late"] for one in told(site, incident, "deadline.met")] == [False, True]
    says = [str(one.body["say"]) for one in site.entries(incident) if one.kind == "notification.intent"]
    assert sum("notice is due in" in one for one in says) == 1
    assert sum("notice was missed" in one for one in says) == 1


async def test_people_say_what_happened_and_what_was_met(site: Site) -> None:
    """The earliest limit counts; a correction sets the deadline anew; meeting one clock starts the next."""
    plan = plan_of(
        WAIT,
        clocks=(
            clock("initial", after("classified", 4, "hours"), after("aware", 24, "hours")),
            clock("final", after("initial.met", 1, "months")),
            clock("sec", after("materiality_decided", 4, "business_days")),
            clock("soon", Limit(after="aware")),
        ),
    )
    incident = await site.start(plan)
    first = await becomes(site, incident, "initial", ClockState.RUNNING)
    soon = await becomes(site, incident, "soon", ClockState.RUNNING)
    assert (soon.due, soon.how) == ("", "without undue delay after we became aware of it")

    said = await say(site, incident, "declare", moment="classified", reason="major: 5,000 clients")
    assert "initial is due" in said
    assert said.endswith("Not legal advice; confirm with counsel.")
    assert of(await clocks_of(site.engine, incident), "initial").due < first.due
    said = await say(site, incident, "meet", clock="initial", reason="receipt 4711")
    assert "met" in said
    assert "in time" in said
    final = await becomes(site, incident, "final", ClockState.RUNNING)
    assert final.starts == "`initial` was met"
    said = await say(site, incident, "waive", clock="sec", reason="not material: counsel's memo of today")
    assert said == "sec is waived: the decision not to notify is in the timeline."

    assert states(await clocks_of(site.engine, incident)) == {
        "final": "running",
        "soon": "running",
        "initial": "met",
        "sec": "waived",
    }
    [_, again, *_] = [one for one in told(site, incident, "deadline.set") if one["deadline"] == "initial"]
    assert again["instead_of"] == first.due
    [decision] = told(site, incident, "decision")
    assert (decision["deadline"], decision["notified"]) == ("sec", False)
    classified = next(one for one in site.entries(incident) if one.kind == "incident.classified")
    assert classified.body["reason"] == "major: 5,000 clients"
    assert classified.body["actor"] == {"kind": "human", "id": "user:ada", "auth": "os"}
    await site.client.get_workflow_handle(incident).terminate()


@pytest.mark.parametrize(
    ("verb", "fields", "sentence"),
    [
        ("declare", {"moment": "awre", "reason": "x"}, "awre starts no clock. Did you mean aware?"),
        ("declare", {"moment": "aware"}, "What was known then is part of it"),
        ("declare", {"moment": "aware", "reason": "x", "at": "yesterday"}, "yesterday is no time"),
        ("declare", {"moment": "aware", "reason": "x", "at": "2026-01-01T10:00:00"}, "has no time zone"),
        ("declare", {"moment": "aware", "reason": "x", "at": "2999-01-01T10:00:00Z"}, "is not a time at which"),
        ("meet", {"clock": "notce", "reason": "x"}, "no clock 'notce'. Did you mean notice?"),
        ("meet", {"clock": "notice"}, "Meeting a clock needs a reason"),
        ("waive", {"clock": "notice"}, "A decision not to notify needs a reason"),
        ("waive", {"clock": "gone", "reason": "x"}, "gone was waived already"),
    ],
)
async def test_what_cannot_be_is_refused(site: Site, verb: Timing, fields: dict[str, Any], sentence: str) -> None:
    """With a sentence; nothing is recorded."""
    plan = plan_of(WAIT, clocks=(clock("notice", after("classified", 60)), clock("gone", after("classified", 60))))
    incident = await site.start(plan)
    await say(site, incident, "waive", clock="gone", reason="no such customers")
    before = len(site.entries(incident))
    with pytest.raises(RefusedError) as error:
        await say(site, incident, verb, **fields)
    assert sentence in error.value.what
    with pytest.raises(RefusedError, match="Who is this"):
        await say(site, incident, verb, Responder(principal="user:ada", auth=""), **fields)
    assert len(site.entries(incident)) == before
    await site.client.get_workflow_handle(incident).terminate()


async def test_open_clocks_outlive_their_incident(site: Site) -> None:
    """They are kept by a workflow of their own, which survives its worker, and ends when nothing is owed."""
    plan = plan_of(
        off("gate"), clocks=(clock("final", after("classified", 2)), clock("met", after("aware", 60), met="true"))
    )
    incident = await site.start(plan)
    view = await site.engine.result(incident)
    assert view.state is IncidentState.COMPLETED
    assert view.timekeeper == f"{incident}.clocks"
    assert states(view.clocks) == {"final": "waiting", "met": "met"}

    owed, _ = await all_clocks(site.engine)
    assert [(one.name, one.state.value) for one in owed if one.incident == incident] == [("final", "waiting")]
    await say(site, incident, "declare", moment="classified", reason="the regulator asked")
    await site.replace_worker()
    await becomes(site, incident, "final", ClockState.MISSED)
    with pytest.raises(RefusedError, match="needs a reason"):
        await say(site, incident, "meet", clock="final")
    said = await say(site, incident, "meet", clock="final", reason="sent, the portal was down")
    assert "late; the reason is in the timeline" in said
    await site.client.get_workflow_handle(view.timekeeper).result()
    assert states((await site.view(incident)).clocks) == {"final": "late", "met": "met"}
    kinds = site.kinds(incident)
    assert kinds.index("incident.closed") < kinds.index("incident.classified") < kinds.index("deadline.missed")


async def test_the_hours_in_customers_contracts_are_clocks(site: Site) -> None:
    """One for each number of hours, as soon as the campaign is approved; met when all of them were reached."""
    many = clock("contracts", Limit(after="aware"), campaign="hold")
    incident = await site.start(plan_of(WAIT, clocks=(many,)))
    await site.reaches(incident, "hold", StepState.WAITING_APPROVAL)
    campaign = f"{incident}.hold"
    people = [recipient(f"c{number}", number, hours=hours) for number, hours in enumerate((0, 24, 24, 72))]
    row = CampaignRow(
        id=campaign,
        incident=incident,
        step="hold",
        spec=Campaign(notice="provider-keys-exposed"),
        values={},
        notice_sha256="e" * 64,
        digest=DIGEST,
        flow=Flow.PREPARED,
    )
    with Outbox.open(site.settings.outbox_path) as outbox:
        outbox.prepare(row, people, ())
        outbox.approve(campaign, DIGEST, "user:ada", time.time())
        for person in people[:3]:
            outbox.acknowledge(campaign, person.customer, "security", time.time())
    await site.approve(incident, "hold")
    view = await site.engine.result(incident)
    assert states(view.clocks) == {"contracts_24h": "met", "contracts_72h": "running"}
    assert of(view.clocks, "contracts_24h").title == "Contracts: 24 h, 2 customers"
    assert of(view.clocks, "contracts_72h").reason == "0 of 1 customers with 72 h in their contracts reached"
    assert [one["deadline"] for one in told(site, incident, "deadline.set")] == ["contracts_24h", "contracts_72h"]
    [met] = told(site, incident, "deadline.met")
    assert met["reason"] == "2 of 2 customers with 24 h in their contracts reached"
    await say(site, incident, "waive", clock="contracts_72h", reason="the customer has left us")
    await site.client.get_workflow_handle(view.timekeeper).result()


async def test_an_alert_alone_is_no_awareness(site: Site) -> None:
    """What a system opens is detected; the first person who acts makes us aware."""
    plan = plan_of(WAIT, clocks=(clock("notice", after("aware", 60)), clock("found", after("detected", 60))))
    started = await site.engine.start(plan, {}, starter=ALERTED)
    incident = started.incident
    await becomes(site, incident, "found", ClockState.RUNNING)
    assert of((await site.view(incident)).clocks, "notice").state is ClockState.WAITING
    await site.decide(incident, "note", reason="looking at it")
    await becomes(site, incident, "notice", ClockState.RUNNING)
    aware = next(one for one in site.entries(incident) if one.kind == "incident.aware")
    assert aware.body["actor"]["id"] == "user:ada"
    for name in ("notice", "found"):
        await say(site, incident, "waive", clock=name, reason="a test")
    await site.approve(incident, "hold")
    view: IncidentView = await site.engine.result(incident)
    assert view.timekeeper == ""


async def test_clocks_of_a_plan_or_a_drill_do_not_outlive_it(site: Site) -> None:
    """Nothing of them was real."""
    plan = plan_of(off("gate"), clocks=(clock("final", after("classified", 2)),))
    started = await site.engine.start(plan, {}, starter=STARTER, drill=True)
    view = await site.engine.result(started.incident)
    assert (view.timekeeper, states(view.clocks)) == ("", {"final": "waiting"})
