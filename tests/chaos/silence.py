"""Slack is away while an incident runs: what happens to it, what the incident does meanwhile, what Slack has afterwards.

Each case has an installation of its own: a fake Slack, Temporal, a worker, and a real `firedoor serve` that is killed.
"""

import asyncio
import contextlib
import datetime
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from firedoor.config import Settings, load
from firedoor.drill.hands import Hands
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, BOT, INCIDENTS, TEAM
from firedoor.drill.toml import toml
from firedoor.engine import Engine
from firedoor.errors import UnreachableError
from firedoor.incident import IncidentView, Responder, StepState
from firedoor.local import free_port
from firedoor.plan import Effect, Plan, PlannedStep, Policy, Verdict
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.drawing.threads import items
from firedoor.slack.store import Store
from firedoor.supervisor import Program, Supervisor
from firedoor.timeline.store import Timeline
from tests.chaos.actions import Ledger
from tests.chaos.site import ROOT, start_server, until

#: More calls than anybody makes.
ALWAYS = 10**9
#: Seconds after Slack is back until it has to show everything.
PATIENCE = 180.0
#: Whoever starts an incident does not approve in it.
EVE = Responder(principal="user:eve", auth="os")
#: Switches that are due while Slack is away.
AWAY = 2
SWITCHES = ("first", "second", "third", "last")
BOT_TOKEN, APP_TOKEN = "FIREDOOR_SECRET_SLACK_BOT", "FIREDOOR_SECRET_SLACK_APP"

Away = Callable[[LocalSlack], AbstractContextManager[None]]


@contextlib.contextmanager
def refusing(slack: LocalSlack) -> Generator[None]:
    """Nobody is there: connections are refused, sockets are cut."""
    with slack.down():
        yield


@contextlib.contextmanager
def broken(slack: LocalSlack) -> Generator[None]:
    """Every call is answered with 503, sockets are cut."""
    slack.faults.unavailable(times=ALWAYS)
    slack.drop_sockets()
    yield
    slack.faults.clear()


@contextlib.contextmanager
def mute(slack: LocalSlack) -> Generator[None]:
    """Every call is carried out, and every answer is lost."""
    slack.faults.lose_reply(".*", times=ALWAYS)
    slack.drop_sockets()
    yield
    slack.faults.clear()


@contextlib.contextmanager
def busy(slack: LocalSlack) -> Generator[None]:
    """Every call is told to come back in a few seconds. Sockets live on."""
    slack.faults.storm(times=ALWAYS, retry_after=5)
    yield
    slack.faults.clear()


@contextlib.contextmanager
def limping(slack: LocalSlack) -> Generator[None]:
    """Nobody is there; and when it is back, the answers to the first posts are lost, and edits are answered with 503."""
    with slack.down():
        yield
        slack.faults.lose_reply("chat.postMessage", times=2)
        slack.faults.unavailable("chat.update", times=2)


@dataclass(frozen=True, slots=True)
class Silence:
    """A way in which Slack is away. `killed`: `firedoor serve` is killed meanwhile, and again while it catches up."""

    name: str
    away: Away
    killed: bool = False


SILENCES = (
    Silence("connections refused, sockets cut", refusing),
    Silence("connections refused, sockets cut; back with answers lost and 503", limping, killed=True),
    Silence("503 to every call, sockets cut", broken, killed=True),
    Silence("every call carried out, its answer lost, sockets cut", mute, killed=True),
    Silence("429 to every call", busy),
)


@dataclass
class Told:
    """What came of one. `findings` are broken promises; `meanwhile` is what was contained without Slack."""

    silence: Silence
    seconds: float
    meanwhile: int = 0
    kills: int = 0
    caught_up: float = 0.0
    posts: int = 0
    twice: int = 0
    missing: int = 0
    findings: list[str] = field(default_factory=list)


def plan_for(seconds: int) -> Plan:
    """Switches that are switched off at once, in the middle, and at the end of so many seconds; the last by approval."""

    def off(name: str, needs: str = "", approval: str = "") -> PlannedStep:
        return PlannedStep(
            id=name,
            kind="uses",
            title=f"Switch {name} off",
            action="chaos.switch_off",
            effect=Effect.REVERSIBLE,
            containment=True,
            arguments={"name": name},
            needs=(needs,) if needs else (),
            approval=approval,
        )

    def wait(name: str, needs: str, part: int) -> PlannedStep:
        return PlannedStep(id=name, kind="wait", wait=max(1, part), needs=(needs,))

    half = seconds // 2
    return Plan(
        name="silence",
        title="Shut everything while nobody hears it",
        runbook_sha256="0" * 64,
        policies={"security": Policy(sources=("role:security",))},
        steps=(
            off("first"),
            wait("half", "first", half),
            off("second", "half"),
            off("last", "half", approval="security"),
            wait("whole", "second", seconds - half),
            off("third", "whole"),
        ),
    )


@dataclass
class Scene:
    """One installation, and the Slack that it tells."""

    home: Path
    slack: LocalSlack
    settings: Settings
    supervisor: Supervisor
    engine: Engine

    async def run(self, told: Told) -> None:
        """Start an incident, let Slack be away, let it come back, have somebody approve what was asked meanwhile."""
        started = await self.engine.start(plan_for(int(told.seconds)), {}, starter=EVE)
        incident = started.incident
        await self._shows("first", PATIENCE)
        with told.silence.away(self.slack):
            await self._done(incident, "second", told)
            if told.silence.killed:
                await self._kill(told)
            view = await self._done(incident, "third", told)
            told.meanwhile = sum(one.state is StepState.DONE and one.kind == "uses" for one in view.steps) - 1
        back, before = time.monotonic(), len(self._posts())
        if told.silence.killed:
            # In the middle of what it has to make up for.
            await self.slack.eventually(lambda: len(self._posts()) > before or None, PATIENCE)
            await self._kill(told)
        ada = Hands(self.slack, ALICE, "ada", [])
        await until(self._hears, "Socket Mode is back", PATIENCE)
        await ada.press(Press("approve", incident, "last"))
        await until(self._told, "Slack has been told to the end", PATIENCE)
        told.caught_up = time.monotonic() - back
        self._judge(await self.engine.view(incident), told)

    async def _done(self, incident: str, step: str, told: Told) -> IncidentView:
        """Wait until a step is done: containment needs no Slack."""
        seen: list[IncidentView] = []

        async def done() -> bool:
            with contextlib.suppress(UnreachableError):
                seen.append(await self.engine.view(incident))
            return bool(seen) and any(one.id == step and one.state is StepState.DONE for one in seen[-1].steps)

        await until(done, f"{step} is done while Slack is away", told.seconds + PATIENCE)
        return seen[-1]

    async def _kill(self, told: Told) -> None:
        """Kill `firedoor serve`, and wait until it was started again."""
        pid = self.supervisor.pid("server")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        told.kills += 1

        async def again() -> bool:
            return self.supervisor.pid("server") not in {None, pid}

        await until(again, "the server is started again", 30)

    async def _shows(self, step: str, seconds: float) -> None:
        """Wait until the incident's message says that a step is done."""
        await self.slack.eventually(
            lambda: next((one for one in self._posts() if f"*{step}*  contained" in str(one.blocks)), None), seconds
        )

    async def _hears(self) -> bool:
        return self.slack.sockets.count > 0

    async def _told(self) -> bool:
        def look() -> bool:
            with Store.open(self.settings.slack_path) as store:
                found = store.conversations()
            return bool(found) and all(one.ended for one in found)

        return await asyncio.to_thread(look)

    def _posts(self) -> list[Message]:
        """What firedoor has ever posted for all to see."""
        every = self.slack.workspace.messages(INCIDENTS, deleted=True)
        return [one for one in every if one.user == BOT and not one.ephemeral_to]

    def _judge(self, view: IncidentView, told: Told) -> None:
        posts = self._posts()
        keys = Counter(str(one.metadata["event_payload"]["key"]).split("/", 2)[2] for one in posts if one.metadata)
        picture = Picture(view, datetime.datetime.now(datetime.UTC), plan_for(int(told.seconds)))
        wanted = {"message/0", *(one.key for one in items(picture))}
        asked = [key for key in keys if key.startswith("ask/last/")]
        told.posts, told.twice = len(posts), sum(count - 1 for count in keys.values())
        told.missing = len(wanted - keys.keys())
        heads = [one for one in posts if not one.is_reply]
        shown = str(heads[0].blocks) if heads else ""
        effects = Ledger(self.home / "effects").effects()
        promises = {
            f"{len(heads)} messages for one incident": len(heads) == 1,
            f"posted more than once: {[key for key, count in keys.items() if count > 1]}": told.twice == 0,
            f"never posted: {wanted - keys.keys()}": told.missing == 0,
            f"the approval was asked for {len(asked)} times": len(asked) <= 1,
            "the message does not show the end": "*✓ contained*" in shown and "firedoor.approve" not in shown,
            f"the verdict is {view.verdict}": view.verdict is Verdict.CONTAINED,
            f"effects: {effects}": {name: len(times) for name, times in effects.items()} == dict.fromkeys(SWITCHES, 1),
            "containment waited for Slack": told.meanwhile == AWAY,
        }
        told.findings += [finding for finding, kept in promises.items() if not kept]


@asynccontextmanager
async def scene(home: Path, pace: float) -> AsyncGenerator[Scene]:
    """Everything, running: Slack is connected when this yields."""
    home.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        slack = stack.enter_context(LocalSlack())
        supervisor = await stack.enter_async_context(Supervisor())
        address = await start_server(supervisor, home / "temporal")
        tables = {
            "task_queue": "silence",
            "server": {"port": free_port()},
            "people.ada": {"identities": [f"slack:{TEAM}/{ALICE}"]},
            "roles": {"security": ["user:ada"]},
            "slack": {
                "bot_token": f"env:{BOT_TOKEN}",
                "app_token": f"env:{APP_TOKEN}",
                "team": TEAM,
                "channel": INCIDENTS,
                "base_url": slack.base_url,
                "pace": pace,
            },
        }
        (home / "firedoor.toml").write_text(toml(tables))
        base = {"FIREDOOR_HOME": str(home), "TEMPORAL_ADDRESS": address, "PATH": "/usr/bin:/bin"}
        secrets = {BOT_TOKEN: slack.workspace.bot_token, APP_TOKEN: slack.workspace.app_token}
        settings = load(base)
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log).close()
        engine = await Engine.connect(settings)
        worker = (sys.executable, "-m", "tests.chaos.worker", "all")
        server = (sys.executable, "-m", "firedoor", "serve")
        await supervisor.start(Program("worker", worker, home / "worker.log", {**base, "PYTHONPATH": str(ROOT)}))
        await supervisor.start(Program("server", server, home / "server.log", {**base, **secrets}, patience=10))
        found = Scene(home, slack, settings, supervisor, engine)
        await until(found._hears, "firedoor listens to Slack", 60)
        yield found


async def silent(folder: Path, silence: Silence, seconds: float, pace: float) -> Told:
    """One case, in a folder of its own."""
    told = Told(silence, seconds)
    async with scene(folder, pace) as running:
        try:
            await running.run(told)
        except (AssertionError, TimeoutError) as error:
            told.findings.append(f"{type(error).__name__}: {error}")
    return told
