"""Record the histories that the replay tests replay: `python -m tests.workflows.recording VERSION`.

Once for each release, and when a new kind of step needs one. Never record an old version again: its histories stand for
incidents that run in production while firedoor is upgraded. See CONTRIBUTING, "Change a workflow".
"""

import asyncio
import re
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from firedoor.alerts import Alert
from firedoor.automation import GATE
from firedoor.campaign import Flow
from firedoor.clock import OPEN, ClockState
from firedoor.engine.clocks import clocks_of, decide_clock
from firedoor.engine.reports import Standing
from firedoor.incident import AlertReport, Decision, Mode, Responder, StepState, Timing
from firedoor.local import dev_server, temporal_binary
from firedoor.plan import Ask, Auto, Campaign, Clock, Field, Limit, Loop, Plan, PlannedStep, Policy, Until
from tests.workflows import actions, mailroom
from tests.workflows.conftest import ADA, Site, each, off, plan_of, site_at, use

#: The machine that recorded is nobody's business: `PID@host`.
HOST = re.escape(socket.gethostname())
MACHINE = re.compile(rf'"\d+@{HOST}(-[0-9a-f]{{32}})?"|"{HOST}:\d+"')
HISTORIES = Path(__file__).with_name("histories")


def everything() -> Plan:
    """A plan with every kind of step."""
    ask = Ask(prompt="Healthy?", of="security", fields={"healthy": Field(type="boolean")})
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan"})
    return plan_of(
        use("look", "test.read_switch", arguments={"name": "a"}),
        off("gate", ("look",), mentions=("look",), condition="steps.look.on", approval="security"),
        off("never", ("look",), mentions=("look",), condition="!steps.look.on"),
        use(
            "each",
            "test.switch_off",
            ("look",),
            arguments={"name": "${{ one }}"},
            loop=Loop(items="inputs.names", name="one", concurrency=60, collect=True),
        ),
        use(
            "settles",
            "test.read_switch",
            arguments={"name": "b"},
            until=Until(expression="!steps.settles.on", every=1, within=60),
        ),
        PlannedStep(id="confirm", kind="ask", ask=ask, needs=("gate",)),
        PlannedStep(id="hold", kind="wait", wait=1, needs=("confirm",)),
        PlannedStep(id="go", kind="approval", approval="security", needs=("hold",)),
        PlannedStep(id="sub", kind="run", child=child, needs=("go",)),
    )


async def every_step(site: Site) -> str:
    """All kinds of steps, with a failure that a person retries."""
    actions.WORLD.failures["before s3"] = ["not_found"]
    incident = await site.start(everything(), {"names": [f"s{number}" for number in range(120)]})
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    await site.approve(incident, "gate")
    await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    await site.decide(incident, "retry", "each")
    actions.WORLD.on["b"] = False
    await site.reaches(incident, "confirm", StepState.WAITING_ANSWER)
    await site.decide(incident, "answer", "confirm", answers={"healthy": True})
    await site.reaches(incident, "go", StepState.WAITING_APPROVAL)
    await site.approve(incident, "go")
    await site.engine.result(incident)
    return incident


async def denied_and_aborted(site: Site) -> str:
    """An approval that is denied, a note, a skip, an abort."""
    incident = await site.start(plan_of(off("gate", approval="security"), off("other", approval="security")))
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    await site.decide(incident, "deny", "gate", reason="wrong key")
    await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    await site.decide(incident, "note", reason="talked to the owner")
    await site.decide(incident, "skip", "gate", reason="false alarm")
    await site.decide(incident, "abort", reason="false alarm")
    await site.engine.result(incident)
    return incident


async def planned(site: Site) -> str:
    """The same plan in plan mode."""
    incident = await site.start(everything(), {"names": ["s1", "s2"]}, Mode.PLAN)
    await site.engine.result(incident)
    return incident


async def waiting(site: Site) -> str:
    """An incident that is still open: it waits for an approval."""
    incident = await site.start(everything(), {"names": []})
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    return incident


async def in_waves(site: Site) -> str:
    """A canary, a target that changed since it was shown, a pause, reminders, an escalation, a temporary change."""
    quick = Policy(sources=("role:security",), remind=1, expires=2, escalate="security")
    plan = plan_of(
        each("rotate", approval="quick", canary=1),
        off("deny", temporary=3600),
        PlannedStep(id="hold", kind="wait", wait=1, needs=("rotate",)),
        off("after", ("hold",)),
        off("closing", always=True),
        policies={"quick": quick},
    )
    incident = await site.start(plan, {"names": ["s0", "s1", "s2"]})
    await site.shows(incident, lambda view: (asked := view.steps[0].request) and asked.policy == "security")
    await site.approve(incident, "rotate")
    await site.shows(incident, lambda view: (asked := view.steps[0].request) and asked.part.startswith("the other"))
    actions.WORLD.on["s2"] = False
    asked = await site.reaches(incident, "rotate", StepState.WAITING_APPROVAL)
    await site.approve(incident, "rotate")
    await site.shows(incident, lambda view: (again := view.steps[0].request) and again != asked.request)
    await site.approve(incident, "rotate")
    await site.reaches(incident, "hold", StepState.SLEEPING)
    await site.decide(incident, "pause", reason="a moment")
    await site.reaches(incident, "after", StepState.PAUSED)
    await site.decide(incident, "resume")
    await site.engine.result(incident)
    return incident


async def aborted_with_undo(site: Site) -> str:
    """What was changed is taken back; the history is that of the undo."""
    plan = plan_of(off("first"), off("gate", approval="security"), each("rotate"))
    incident = await site.start(plan, {"names": ["s0", "s1"]})
    await site.reaches(incident, "first", StepState.DONE)
    await site.reaches(incident, "rotate", StepState.DONE)
    await site.decide(incident, "abort", reason="false alarm", undo=True)
    undo = (await site.engine.result(incident)).undo
    grace = ADA.model_copy(update={"principal": "user:grace"})
    for step in ("rotate", "first"):
        await site.approve(undo, step, grace)
    await site.engine.result(undo)
    return undo


async def by_alerts(site: Site) -> str:
    """Started by a batch of alerts that may not change anything alone, joined by another batch, then agreed to."""
    plan = plan_of(off("s1"), use("look", "test.read_switch", arguments={"name": "a"}), auto=Auto.ASK)
    sender = Responder(principal="alert:test", auth="alert")
    incident, seen = f"{plan.name}-by-alerts", Standing()
    for batch, count in (("batch-1", 3), ("batch-2", 40)):
        alert = Alert(source="test", id=batch, title="seen again")
        report = AlertReport(source="test", id=batch, responder=sender, count=count, batch=batch)
        await site.engine.reports.report(plan, {}, report, alert, incident=incident, seen=seen)
        seen = await site.engine.reports.standing(incident)
    await site.reaches(incident, GATE, StepState.WAITING_APPROVAL)
    await site.approve(incident, GATE)
    await site.engine.result(incident)
    return incident


async def with_clocks(site: Site) -> str:
    """Clocks that start, are met by a step and by a person, are waived and missed, and are handed over at the end."""
    clocks = (
        Clock(name="seen", limits=(Limit(after="detected", amount=1, unit="hours"),), to=("user:ada",)),
        Clock(
            name="shut",
            limits=(Limit(after="aware", amount=1, unit="hours"),),
            to=("user:ada",),
            met='steps.gate.state == "done"',
            mentions=("gate",),
        ),
        Clock(name="short", limits=(Limit(after="classified", amount=1, unit="seconds"),), to=("user:ada",)),
        Clock(name="final", limits=(Limit(after="seen.met", amount=1, unit="months"),), to=("user:ada",)),
        Clock(name="paper", limits=(Limit(after="materiality_decided", amount=4),), to=("user:ada",)),
    )
    incident = await site.start(plan_of(off("gate", approval="security"), clocks=clocks))

    async def say(verb: Timing, **fields: Any) -> None:
        await decide_clock(site.engine, incident, verb, Decision(responder=ADA, reason="because", **fields))

    await say("declare", moment="classified")
    await say("meet", clock="seen")
    await say("waive", clock="paper")
    await site.shows(incident, lambda view: any(one.state == "missed" for one in view.clocks))
    await site.approve(incident, "gate")
    await site.engine.result(incident)
    return incident


async def kept_clocks(site: Site) -> str:
    """What that incident left open; the history is that of the workflow which keeps it until the last is settled."""
    incident = await with_clocks(site)
    keeper = (await site.view(incident)).timekeeper
    for clock in await clocks_of(site.engine, incident):
        if clock.state in OPEN:
            verb: Timing = "meet" if clock.state is ClockState.MISSED else "waive"
            await decide_clock(site.engine, incident, verb, Decision(responder=ADA, clock=clock.name, reason="because"))
    await site.client.get_workflow_handle(keeper).result()
    return keeper


async def told_customers(site: Site) -> str:
    """A campaign that is asked for, halts, goes on by a retry, reminds, and leaves something for its escalation."""
    return (await _campaign(site))[0]


async def followed_customers(site: Site) -> str:
    """The same; the history is that of the campaign."""
    return (await _campaign(site))[1]


async def _campaign(site: Site) -> tuple[str, str]:
    room = mailroom.ROOM
    room.before = lambda left: room.set(Flow.HALTED, "too much came back") if left == 1 else None
    spec = Campaign(
        notice="keys-exposed",
        to=("acme", "globex", "initech"),
        canary=1,
        settle=1,
        until="customer.remediated",
        recheck=1,
        remind=(2,),
        escalates=5,
        collect=True,
    )
    escalation = use(
        "notify_escalation",
        "test.switch_off",
        ("notify",),
        mentions=("notify",),
        arguments={"name": "${{ credential.name }}"},
        loop=Loop(items="steps.notify.remaining", name="credential"),
        approval="security",
    )
    step = PlannedStep(id="notify", kind="campaign", approval="security", campaign=spec)
    incident = await site.start(plan_of(step, escalation))
    await site.approve(incident, "notify")
    await site.reaches(incident, "notify", StepState.NEEDS_ATTENTION)
    room.before = lambda _: None
    await site.decide(incident, "retry", "notify", reason="the mail server is back")
    await room.sent(6)
    room.rotated = {"globex"}
    await site.approve(incident, "notify_escalation")
    await site.engine.result(incident)
    return incident, f"{incident}.notify"


SCENES: tuple[Callable[[Site], Awaitable[str]], ...] = (
    every_step,
    denied_and_aborted,
    planned,
    waiting,
    in_waves,
    aborted_with_undo,
    by_alerts,
    with_clocks,
    kept_clocks,
    told_customers,
    followed_customers,
)


async def record(folder: Path) -> None:
    """Run each scene on a server of its own and keep its history, unencrypted: there is nothing real in it."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as home:
        async with dev_server(temporal_binary()) as address:
            for scene in SCENES:
                actions.WORLD, mailroom.ROOM = actions.World(), mailroom.Mailroom()
                campaigns = mailroom.ROOM.activities()
                async with site_at(address, Path(home) / scene.__name__, campaigns=campaigns, codec=False) as site:
                    incident = await scene(site)
                    history = await site.client.get_workflow_handle(incident).fetch_history()
                (folder / f"{scene.__name__}.json").write_text(MACHINE.sub('"recorder"', history.to_json()) + "\n")


if __name__ == "__main__":
    asyncio.run(record(HISTORIES / sys.argv[1]))
