"""The door of Slack in a drill: a fake Slack, a real `firedoor serve`, and people who decide by pressing buttons.

An alert comes as its sender sends it, to a door of the server that a secret in a header opens. What nobody can do in
Slack (type a secret, above all) is done at the terminal.
"""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from firedoor.alerts import SOURCES
from firedoor.config import Settings
from firedoor.drill.conversation import WIDTH, Act, conversation
from firedoor.drill.door import FINDER, Stage, Terminal, Turn
from firedoor.drill.hands import Hands
from firedoor.drill.responders import everybody, people
from firedoor.drill.scenario import Scenario
from firedoor.drill.slack.inputs import NotPossible
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import INCIDENTS, TEAM
from firedoor.engine import Engine
from firedoor.errors import UsageError
from firedoor.incident import IncidentView, Responder
from firedoor.local import free_port
from firedoor.plan import Plan
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.inbound.people import GROUP
from firedoor.slack.store import Store
from firedoor.supervisor import Program

#: How long the server may take to open, an incident to begin, and Slack to be told the rest at the end. Seconds.
READY_SECONDS, BEGIN_SECONDS, LAST_SECONDS = 30.0, 30.0, 90.0
PAUSE = 0.05
#: The fake has no limits unless it is told to: a tenth of Slack's pauses.
PACE = 0.1
#: Of the worker's environment the server gets these: no credential of the responder's.
SHARED = ("FIREDOOR_HOME", "HOME", "PATH", "TEMPORAL_ADDRESS", "TEMPORAL_CONFIG_FILE", "TEMPORAL_NAMESPACE")
BOT, APP, LOCK = "FIREDOOR_SECRET_SLACK_BOT", "FIREDOOR_SECRET_SLACK_APP", "FIREDOOR_SECRET_DOOR"
HEADER = "x-firedoor-key"


class InSlack:
    """A door on a Slack that runs. `acts` is what its people did; no line of the conversation is wider than `width`."""

    _stage: Stage
    _store: Store

    def __init__(self, slack: LocalSlack, *, width: int = WIDTH) -> None:
        self.slack = slack
        self._width = width
        self.acts: list[Act] = []
        self._terminal = Terminal()
        self._port = free_port()
        self._hands: dict[str, Hands] = {}
        self._doing: dict[str, asyncio.Task[None]] = {}
        self._done: set[tuple[str, ...]] = set()
        self._lock = self.slack.workspace.signing_secret

    def configured(self, scenario: Scenario, plan: Plan, settings: Settings) -> Mapping[str, Any]:
        """With the server, the alert's door, Slack, and who is who in it; everybody is in #incidents."""
        scenario.enter(self.slack)
        tables = scenario.configuration()
        roles = {name: list(members) for name, members in tables.get("roles", {}).items()}
        crew = {FINDER: Responder(principal=FINDER, auth="slack")}
        for one in everybody(plan, scenario.responder):
            crew[one.principal] = one
            for role in one.roles:
                roles[role] = list(dict.fromkeys([*roles.get(role, ()), one.principal]))
        identities = {name: [f"slack:{TEAM}/{self._joined(name)}"] for name in crew}
        self._fill_groups(plan, scenario.responder)
        reported = scenario.alert()
        doors = {f"alerts.{reported[0]}": {"secrets": [f"env:{LOCK}"], "header": HEADER}} if reported else {}
        return {
            "drill": True,
            "runbooks": [str(folder) for folder in settings.runbooks],
            **tables,
            "roles": roles,
            "server": {
                **tables.get("server", {}),
                "port": self._port,
                "public_url": f"http://127.0.0.1:{self._port}",
            },
            **doors,
            "slack": {
                "bot_token": f"env:{BOT}",
                "app_token": f"env:{APP}",
                "team": TEAM,
                "channel": INCIDENTS,
                "base_url": self.slack.base_url,
                "pace": PACE,
            },
            **{f'people."{_name(one)}"': {"identities": known} for one, known in identities.items()},
        }

    def worker_environment(self) -> Mapping[str, str]:
        """The token with which customers are told in Slack."""
        return {BOT: self.slack.workspace.bot_token}

    async def open(self, stage: Stage) -> None:
        """Start the server."""
        self._stage = stage
        await self._terminal.open(stage)
        workspace, home = self.slack.workspace, stage.settings.home
        self._store = Store.open(stage.settings.slack_path)
        secrets = {BOT: workspace.bot_token, APP: workspace.app_token, LOCK: self._lock}
        environment = {name: stage.environment[name] for name in SHARED if name in stage.environment} | secrets
        command = (sys.executable, "-m", "firedoor", "serve")
        server = Program("server", command, home / "server.log", environment, restarts=20, patience=10.0)
        await stage.supervisor.start(server)
        stage.tell("`firedoor serve` is starting, and connects to a Slack on loopback by Socket Mode.")

    async def ready(self) -> None:
        """Returns when the server can store, start, and hear Slack. Raises `UsageError` if that takes too long."""
        log = self._stage.settings.home / "server.log"
        trouble = f"`firedoor serve` was not ready within {READY_SECONDS:.0f} s."
        await _until(self._is_ready, READY_SECONDS, trouble, log)

    async def start(self, engine: Engine) -> str:
        """Deliver the alert, or have somebody type what starts it and press Start; the incident that has begun."""
        plan, log = self._stage.plan, self._stage.settings.home / "server.log"
        reported = self._stage.scenario.alert()
        if reported:
            await self._deliver(*reported)
        else:
            await self._ask_for(plan)
        found: list[str] = []

        async def begun() -> bool:
            every = await engine.incidents()
            found.extend(one.id for one in every if one.runbook == plan.name and not one.parent)
            return bool(found)

        await _until(begun, BEGIN_SECONDS, f"No incident of {plan.name} began within {BEGIN_SECONDS:.0f} s.", log)
        return found[0]

    def busy(self, step: str) -> bool:
        """Is somebody at it? Raises what they failed with."""
        task = self._doing.get(step)
        if task and task.done():
            self._doing.pop(step).result()
        return step in self._doing

    async def take(self, engine: Engine, turn: Turn) -> None:
        """Have people press buttons, and fill in forms. They do it while the incident goes on."""
        step = turn.step
        asked = (step.id, turn.reply.verb, str(step.attempts), step.request.digest if step.request else "")
        # The view may be older than the answer: nobody does the same twice.
        if asked not in self._done:
            self._done.add(asked)
            self._doing[step.id] = asyncio.create_task(self._decide(engine, turn), name=f"{turn.reply.verb} {step.id}")

    async def ended(self, view: IncidentView) -> tuple[str, ...]:
        """Wait until Slack shows the end. What was said and done there."""
        if self._doing:
            await asyncio.wait(self._doing.values(), timeout=LAST_SECONDS)
        try:
            await _until(partial(self._told, view.id), LAST_SECONDS, "", self._stage.settings.home)
        except UsageError:
            log = self._stage.settings.home / "server.log"
            self._stage.tell(f"Slack was not told of the end within {LAST_SECONDS:.0f} s: its log is {log}.")
        return conversation(self.slack.workspace, self.acts, self._width)

    async def close(self) -> None:
        """Everybody goes home. The server ends with the supervisor."""
        for task in self._doing.values():
            task.cancel()
        await asyncio.gather(*self._doing.values(), return_exceptions=True)
        if hasattr(self, "_store"):
            self._store.close()

    # --- reporting ---

    async def _deliver(self, source: str, body: bytes) -> None:
        """As an API destination of EventBridge does, or any sender that shows a secret in a header."""
        [alert] = SOURCES[source].parse({}, body).alerts
        url = f"http://127.0.0.1:{self._port}/hooks/{source}"
        headers = {HEADER: self._lock, "content-type": "application/json"}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, content=body, headers=headers)
        if not answer.is_success:
            raise UsageError(f"The door of {source} did not take the alert: {answer.status_code} {answer.text}")
        self._stage.tell(f"{source} reports: {alert.title} The server took it: {answer.status_code}.")

    async def _ask_for(self, plan: Plan) -> None:
        """Somebody types the runbook's word, looks at what it would do, and presses Start."""
        finder = self._hands[FINDER]
        word = next((one.slack for one in plan.triggers if one.slack), f"run {plan.name}")
        given = shlex.join(f"{name}={value}" for name, value in self._stage.scenario.inputs().items())
        self._stage.tell(f"Somebody types /firedoor {word} {given}")
        await finder.type(INCIDENTS, f"/firedoor {word} {given}".strip())
        await finder.press(Press("start", plan.name), answered=False)

    # --- deciding ---

    async def _decide(self, engine: Engine, turn: Turn) -> None:
        if turn.step.ask and turn.step.ask.secrets():
            await self._elsewhere(engine, turn, "a secret is not typed into Slack")
            return
        try:
            for who in turn.people:
                await self._by_hand(self._hands[who.principal], turn)
        except (TimeoutError, NotPossible) as error:
            await self._elsewhere(engine, turn, str(error) or "there is no button for it, or no answer")
            return
        await self._stage.scenario.heard(turn.step.id)

    async def _by_hand(self, who: Hands, turn: Turn) -> None:
        step, reply = turn.step, turn.reply
        reason = {"reason": reply.reason} if reply.reason else {}
        digest = step.request.digest if step.request else ""
        match reply.verb:
            case "approve":
                await who.press(Press("approve", turn.incident, step.id, digest))
            case "answer":
                answers = {f"field.{name}": value for name, value in reply.answers.items()}
                await who.fill(Press("answer", turn.incident, step.id), answers | reason)
            case "abort":
                await who.fill(Press("abort", turn.incident), reason)
            case "retry" | "skip" as verb:
                await who.fill(Press(verb, turn.incident, step.id), reason)
            case verb:
                raise NotPossible(f"there is no button for {verb}")

    async def _elsewhere(self, engine: Engine, turn: Turn, why: str) -> None:
        """At the terminal, as the same people."""
        for who in turn.people:
            self._hands[who.principal].note(f"goes to a terminal to {turn.reply.verb} {turn.step.id}: {why}")
        await self._terminal.take(engine, turn)

    # --- looking ---

    async def _is_ready(self) -> bool:
        if not self.slack.sockets.count:
            return False
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self._port}/readyz")).is_success
            except httpx.HTTPError:
                return False

    async def _told(self, incident: str) -> bool:
        """Has Slack been told to the end? Runbooks of the engineer's own may have heard the alert as well."""
        found = [one for one in await asyncio.to_thread(self._store.conversations) if one.incident == incident]
        return bool(found) and all(one.ended for one in found)

    # --- the workspace ---

    def _joined(self, principal: str) -> str:
        """The Slack user of a person, who works here and is in #incidents."""
        workspace, name = self.slack.workspace, _name(principal)
        with workspace.lock:
            user = workspace.add_user(workspace.new_id("U"), name)
            workspace.channels[INCIDENTS].members.append(user.id)
        self._hands[principal] = Hands(self.slack, user.id, name, self.acts)
        return user.id

    def _fill_groups(self, plan: Plan, responder: str) -> None:
        """The user groups that the runbook asks have those in them who answer for them."""
        workspace = self.slack.workspace
        for step in plan.steps:
            policy = plan.policies.get(step.ask.of if step.ask else step.approval)
            members = [self._user(one.principal) for one in people(plan, step.id, responder)]
            for source in policy.sources if policy else ():
                if source.startswith(GROUP):
                    handle = source.removeprefix(GROUP)
                    known = next((one for one in workspace.groups.values() if one.handle == handle), None)
                    group = known or workspace.add_group(handle, ())
                    group.members = list(dict.fromkeys([*group.members, *members]))

    def _user(self, principal: str) -> str:
        return self._hands[principal].user


def _name(principal: str) -> str:
    return principal.removeprefix("user:")


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float, otherwise: str, log: Path) -> None:
    """Wait until something holds. Raises `UsageError` when it takes too long."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            raise UsageError(
                otherwise,
                changed="Only emulators were touched.",
                next=f"Look into {log}; run the drill with --keep DIR to keep it.",
            )
        await asyncio.sleep(PAUSE)
