"""How people come into a drill: who is who in its Slack, and what is done at the terminal all the same."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firedoor.config import Settings
from firedoor.drill import in_slack
from firedoor.drill.door import Stage, Turn
from firedoor.drill.in_slack import InSlack
from firedoor.drill.scenario import Reply, Scenario
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import INCIDENTS, SECURITY
from firedoor.engine import Engine
from firedoor.errors import UsageError
from firedoor.incident import Decision, IncidentState, IncidentView, Responder, StepState, StepView, Timing, Verb
from firedoor.plan import Ask, Field, Plan, PlannedStep, Policy
from firedoor.supervisor import Supervisor

ADA = Responder(principal="user:ada", auth="drill")
PLAN = Plan(
    name="gate",
    runbook_sha256="0" * 64,
    policies={
        "two": Policy(sources=("role:security", "user:grace"), count=2),
        "chat": Policy(sources=("slack:@security", "slack:@night-watch")),
    },
    steps=(
        PlannedStep(id="go", kind="approval", approval="two"),
        PlannedStep(id="healthy", kind="ask", ask=Ask(prompt="Is it?", of="chat", fields={})),
        PlannedStep(id="look", kind="uses", action="test.look"),
    ),
)


class Quiet(Scenario):
    """Nothing happens on this stage; it remembers which steps it heard of."""

    name: ClassVar[str] = "gate"
    title: ClassVar[str] = "A gate"
    script: ClassVar[Mapping[str, Reply]] = {}

    def __init__(self) -> None:
        self.steps: list[str] = []

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """Nothing is planted."""

    def configuration(self) -> Mapping[str, Any]:
        """A role, and one table."""
        return {"roles": {"security": ["user:ada"]}, "aws": {"region": "eu-west-1"}}

    def worker_environment(self) -> Mapping[str, str]:
        """A credential."""
        return {"AWS_SECRET_ACCESS_KEY": "canary"}

    async def begin(self) -> None:
        """Nobody attacks."""

    async def heard(self, step: str) -> bool:
        """It listens."""
        self.steps.append(step)
        return True

    async def prove(self) -> Any:
        """There is nothing to prove."""

    async def tear_down(self) -> None:
        """Nothing was started."""


class Decided(Engine):
    """An engine that takes every decision and remembers it."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str, str]] = []

    async def decide(self, incident: str, verb: Verb | Timing, decision: Decision) -> str:
        """Taken."""
        self.decisions.append((verb, decision.step, decision.responder.principal))
        return "taken"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    for name in ("READY_SECONDS", "BEGIN_SECONDS", "LAST_SECONDS"):
        monkeypatch.setattr(in_slack, name, 0.1)


def a_stage(tmp_path: Path, scenario: Scenario, supervisor: Supervisor, tell: Any = lambda _: None) -> Stage:
    """A stage without processes."""
    home = tmp_path / "data"
    home.mkdir()
    environment = {"PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "canary"}
    return Stage(scenario, PLAN, Settings(home=home), supervisor, environment, tell)


def test_everybody_whom_the_runbook_asks_is_somebody_in_slack(slack: LocalSlack, tmp_path: Path) -> None:
    """By identity, in the channel, with the roles and in the user groups by which they are asked; the engineer's own runbooks count."""
    door = InSlack(slack)
    tables = door.configured(Quiet(), PLAN, Settings(home=tmp_path, runbooks=(tmp_path,)))
    workspace = slack.workspace
    people = {
        name.removeprefix('people."').removesuffix('"'): table["identities"][0].rpartition("/")[2]
        for name, table in tables.items()
        if name.startswith("people.")
    }
    assert people.keys() == {"finder", "ada", "grace"}
    assert {workspace.users[id].name for id in people.values()} == people.keys()
    assert set(people.values()) <= set(workspace.channels[INCIDENTS].members)
    assert tables["roles"] == {"security": ["user:ada", "user:grace"]}
    groups = {group.handle: group.members for group in workspace.groups.values()}
    assert people["ada"] in workspace.groups[SECURITY].members
    assert groups["night-watch"] == [people["ada"]]
    assert tables["aws"] == {"region": "eu-west-1"}
    assert (tables["drill"], tables["runbooks"]) == (True, [str(tmp_path)])
    # No value of a token: only where it is.
    assert workspace.bot_token not in str(tables)
    assert [name for name in tables if name.startswith("alerts")] == []


async def test_what_slack_has_no_button_for_is_done_at_a_terminal(
    slack: LocalSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret, or a button that never comes: the same person decides elsewhere, and the conversation says so."""
    monkeypatch.setattr("firedoor.drill.hands.LOOK_SECONDS", 0.05)
    scenario, engine, door = Quiet(), Decided(), InSlack(slack)
    door.configured(scenario, PLAN, Settings(home=tmp_path))
    async with Supervisor() as supervisor:
        stage = a_stage(tmp_path, scenario, supervisor)
        await door._terminal.open(stage)
        door._stage = stage
        asks = Ask(prompt="Which?", fields={"key": Field(type="secret", into=("aws-sm:x",))})
        secret = StepView(id="intake", kind="ask", title="", state=StepState.WAITING_ANSWER, ask=asks)
        gate = StepView(id="go", kind="approval", title="", state=StepState.WAITING_APPROVAL)
        noted = StepView(id="look", kind="uses", title="", state=StepState.NEEDS_ATTENTION)
        for step, reply in ((secret, Reply("answer")), (gate, Reply("approve")), (noted, Reply("note", "x"))):
            await door.take(engine, Turn("inc-1", step, reply, [ADA]))
            # The same view again: nobody does it twice.
            await door.take(engine, Turn("inc-1", step, reply, [ADA]))
            assert door.busy(step.id)
        await asyncio.wait(door._doing.values())
        assert not door.busy("go")
        await door.close()
    assert sorted(engine.decisions) == [
        ("answer", "intake", "user:ada"),
        ("approve", "go", "user:ada"),
        ("note", "look", "user:ada"),
    ]
    assert sorted(scenario.steps) == ["go", "intake", "look"]
    said = sorted(act.what for act in door.acts)
    assert said == [
        "goes to a terminal to answer intake: a secret is not typed into Slack",
        "goes to a terminal to approve go: there is no button for it, or no answer",
        "goes to a terminal to note look: there is no button for note",
    ]


@pytest.mark.usefixtures("quick")
async def test_a_server_that_does_not_get_ready(slack: LocalSlack, tmp_path: Path) -> None:
    """The drill says where to look; what Slack was not told is no reason to hold back the result."""
    told: list[str] = []
    door, scenario = InSlack(slack), Quiet()
    async with Supervisor() as supervisor:
        await door.open(a_stage(tmp_path, scenario, supervisor, told.append))
        with pytest.raises(UsageError, match="was not ready within 0 s") as caught:
            await door.ready()
        assert "server.log" in caught.value.next
        view = IncidentView(id="inc-1", runbook="gate", plan="0" * 64, state=IncidentState.COMPLETED, starter=ADA)
        assert await door.ended(view) == ()
        await door.close()
    assert "Slack was not told of the end" in told[-1]
