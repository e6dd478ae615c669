"""A campaign of a real incident while something goes wrong: what is run, what is done to it, what has to hold.

Each case has an installation of its own: Temporal, a worker, `firedoor serve`, and who takes the messages (`posts`).
"""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from firedoor.campaign import LEFT, MessageState
from firedoor.config import Settings, load
from firedoor.customers.model import Customer
from firedoor.customers.registry import Registry
from firedoor.drill.mail import MailServer
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.toml import toml
from firedoor.engine import Engine
from firedoor.errors import FiredoorError
from firedoor.incident import Decision, IncidentView, Responder, StepState
from firedoor.local import free_port
from firedoor.notices.links import Links
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign, Plan, PlannedStep, Policy
from firedoor.recipient import Message
from firedoor.supervisor import Program, Supervisor
from firedoor.timeline.entry import Kind
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import verify
from tests.chaos.faults import Fault
from tests.chaos.judge import sealed
from tests.chaos.network import Proxy
from tests.chaos.posts import CONNECTIONS, Amazon, Letters, Opening, Post, Webhooks, letters
from tests.chaos.site import ROOT, armed, start_server, until

STEP = "notify"
ADA = Responder(principal="user:ada", auth="os", roles=("security",))
EVE = Responder(principal="user:eve", auth="os")
VALUES = {"happened": "Somebody read our store of keys.", "since": "4 May 2026, 02:10 UTC"}
PUBLIC = "https://notices.beacon.example"
PATIENCE = 150.0
TABLES: Mapping[str, object] = {
    "task_queue": "mailing",
    "notices": {"company": "Beacon AI", "support": "help@beacon.example"},
}
#: Who does as the notice says on the web page; the others do it in the store.
ON_THE_PAGE = 3
EVERY = 10_000


@dataclass
class Told:
    """What came of a case. `findings` are broken promises."""

    case: str
    messages: int = 0
    twice: int = 0
    in_doubt: int = 0
    kills: int = 0
    #: How often a server was cut from its clients: a message whose answer is lost then is in doubt as after a kill.
    cuts: int = 0
    #: How many calls had their answers spoiled: the messages of each are in doubt.
    spoiled: int = 0
    asked: int = 0
    verified: bool = False
    findings: list[str] = field(default_factory=list)


@dataclass
class Mailing:
    """One installation, its customers, and its campaign."""

    home: Path
    settings: Settings
    supervisor: Supervisor
    engine: Engine
    post: Post
    customers: tuple[Customer, ...]
    told: Told
    incident: str = ""

    @property
    def campaign(self) -> str:
        """Its id."""
        return f"{self.incident}.{STEP}"

    @property
    def mail(self) -> MailServer:
        """The mail server of a case that has one."""
        assert isinstance(self.post, Letters)
        return self.post.mail

    @property
    def slack(self) -> LocalSlack:
        """The Slack of a case that has one."""
        assert isinstance(self.post, Letters)
        return self.post.slack

    @property
    def network(self) -> Proxy:
        """The network that fails, of a case that has one."""
        assert isinstance(self.post, (Amazon, Webhooks))
        return self.post.network

    # --- what people do -----------------------------------------------------------------------------------------------

    async def start(self, *, remind: int) -> None:
        """Open the incident, and wait until its campaign waits for an approval."""
        spec = Campaign(
            notice="provider-keys-exposed",
            to=[one.id for one in self.customers],
            channels=self.post.channels,
            canary=5,
            settle=1,
            until="customer.acknowledged",
            recheck=1,
            remind=(remind,),
        )
        step = PlannedStep(id=STEP, kind="campaign", approval="security", campaign=spec, arguments=dict(VALUES))
        policies = {"security": Policy(sources=("role:security",))}
        plan = Plan(name="mailing", runbook_sha256="0" * 64, steps=(step,), policies=policies)
        self.incident = (await self.engine.start(plan, {}, starter=EVE)).incident
        await self.shows(StepState.WAITING_APPROVAL)

    async def approve(self) -> None:
        """Ada has read it."""
        view = await self.shows(StepState.WAITING_APPROVAL)
        request = view.steps[0].request
        assert request is not None
        decision = Decision(responder=ADA, step=STEP, digest=request.digest)
        await self._taken(lambda: self.engine.decide(self.incident, "approve", decision))

    async def retry(self) -> None:
        """Somebody has mended it, and says so."""
        await self.shows(StepState.NEEDS_ATTENTION)
        self.told.asked += 1
        decision = Decision(responder=ADA, step=STEP, reason="mended")
        await self._taken(lambda: self.engine.decide(self.incident, "retry", decision))

    async def shows(self, state: StepState) -> IncidentView:
        """Wait until the step is in a state, however often Temporal is away meanwhile."""
        seen: list[IncidentView] = []

        async def shown() -> bool:
            with contextlib.suppress(FiredoorError):
                seen.append(await self.engine.view(self.incident))
            return bool(seen) and seen[-1].steps[0].state is state

        await until(shown, f"the step is {state.value}", PATIENCE)
        return seen[-1]

    async def _taken(self, decide: Callable[[], Awaitable[object]]) -> None:
        async def taken() -> bool:
            try:
                await decide()
            except FiredoorError as error:
                return error.reason == "refused"
            return True

        await until(taken, "the decision is taken", PATIENCE)

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def kill(self, *names: str) -> None:
        """`kill -9` of processes, at once; they are started again as `firedoor up` does."""
        for name in names:
            if pid := self.supervisor.pid(name):
                os.kill(pid, signal.SIGKILL)
                self.told.kills += 1

    def kill_at(self, number: int, *names: str) -> None:
        """Kill processes when so many messages are there: the sender of the last does not know yet that it is."""
        armed = threading.Semaphore()

        def came() -> None:
            if self.post.arrived() >= number and armed.acquire(blocking=False):
                self.kill(*names)

        self.post.watchers.append(came)

    def stood(self, before: int) -> None:
        """Hold that nothing was sent since there were so many mails but what was on its way."""
        more = self.post.arrived() - before
        if more > 2 * CONNECTIONS:
            self.told.findings.append(f"{more} mails were sent while nothing could be written down")

    async def mails(self, count: int) -> None:
        """Wait for so many messages."""

        async def came() -> bool:
            return self.post.arrived() >= count

        await until(came, f"{count} messages", PATIENCE)

    @contextmanager
    def locked(self, store: Path) -> Generator[None]:
        """Somebody holds a store, longer than anybody waits for it."""
        database = sqlite3.connect(store, isolation_level=None, timeout=30)
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")
            database.close()

    @contextmanager
    def full(self) -> Generator[None]:
        """No file of the worker can become longer."""
        (self.home / "full").touch()
        yield
        (self.home / "full").unlink()

    def move(self, seconds: float) -> None:
        """Move the clock of the worker and of the server."""
        part = self.home / "moved.part"
        part.write_text(str(seconds))
        part.rename(self.home / "moved")

    # --- its end ------------------------------------------------------------------------------------------------------

    def rows(self) -> list[Message]:
        """Its messages."""
        with Outbox.open(self.settings.outbox_path) as outbox:
            return outbox.messages(self.campaign, limit=EVERY)

    async def quiet(self) -> None:
        """Wait until everybody has the reminder, or may have, and nothing is on its way."""

        def reminded() -> bool:
            rows = self.rows()
            waiting = any(one.state in (MessageState.QUEUED, MessageState.SENDING) for one in rows)
            return not waiting and len({one.customer for one in rows if one.reminder}) == len(self.customers)

        await until(lambda: asyncio.to_thread(reminded), "everybody is reminded", PATIENCE)

    async def acknowledge(self) -> None:
        """All customers do as they are told, some on the page that their link leads to; then the incident ends."""
        links = Links.open(self.settings)
        base = f"http://127.0.0.1:{self.settings.server.port}"
        first = self.customers[:ON_THE_PAGE]

        async def pressed() -> bool:
            link = links.personal(self.campaign, customer.id, "security", 4_000_000_000).replace(PUBLIC, base)
            try:
                async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
                    return (await http.post(link)).status_code == 303
            except httpx.HTTPError:
                return False

        for customer in first:
            await until(pressed, f"{customer.id} can acknowledge", PATIENCE)
        with Outbox.open(self.settings.outbox_path) as outbox:
            for customer in self.customers[ON_THE_PAGE:]:
                outbox.acknowledge(self.campaign, customer.id, "security", self._began(outbox) + 1)
        await self.shows(StepState.DONE)
        async with asyncio.timeout(PATIENCE):
            await self.engine.result(self.incident)

    def _began(self, outbox: Outbox) -> float:
        return outbox.campaign(self.campaign).began

    # --- what has to hold ---------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Hold the outbox's rows against what came. Appends to the findings."""
        rows, came = self.rows(), Counter(self.post.keys())
        told = self.told
        states = Counter(one.state for one in rows)
        told.messages, told.in_doubt = sum(came.values()), states[MessageState.IN_DOUBT]
        told.twice = sum(count - 1 for count in came.values())
        told.findings += [f"{key} came {count} times" for key, count in came.items() if count > 1]
        told.findings += [f"row {one.id} is {one.state}, and never came" for one in rows if self._missing(one, came)]
        known = {one.key for one in rows if one.state in LEFT or one.state is MessageState.IN_DOUBT}
        told.findings += [f"{key} came, and nobody knows of it" for key in came.keys() - known]
        firsts = Counter(one.customer for one in rows if not one.reminder)
        reminders = Counter(one.customer for one in rows if one.reminder)
        for what, counted in (("notices", firsts), ("reminders", reminders)):
            wrong = {name: count for name, count in counted.items() if count != 1}
            wrong |= {one.id: 0 for one in self.customers if one.id not in counted}
            told.findings += [f"{name} has {count} {what}" for name, count in wrong.items()]
        most = self.post.at_once * (told.kills + told.cuts) + self.post.per_call * told.spoiled
        if told.in_doubt > most:
            told.findings.append(f"{told.in_doubt} messages are in doubt, and at most {most} can be")

    @staticmethod
    def _missing(row: Message, came: Counter[str]) -> bool:
        return row.state in LEFT and row.key not in came

    async def shown(self) -> None:
        """`firedoor campaign show` says what the outbox says, and what is in doubt."""
        said = json.loads(await self._firedoor("campaign", "show", self.campaign, "--output", "json"))
        counts = {state.value: count for state, count in Counter(one.state for one in self.rows()).items()}
        if said["messages"] != counts:
            self.told.findings.append(f"shown is {said['messages']}, and the outbox has {counts}")
        text = await self._firedoor("campaign", "show", self.campaign)
        if ("in doubt" in text) != bool(counts.get("in_doubt")):
            self.told.findings.append(f"{counts.get('in_doubt', 0)} messages are in doubt, and shown is: {text}")

    async def _firedoor(self, *arguments: str) -> str:
        environment = {"FIREDOOR_HOME": str(self.home), "PATH": "/usr/bin:/bin", "HOME": str(self.home)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firedoor", *arguments), env=environment, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        return said.decode()

    def record(self) -> None:
        """The timeline verifies, was opened and closed once, and says of each message what the outbox says."""
        settings, bundle = self.settings, self.home / "incident.zip"
        with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
            entries = [stored.entry for stored in timeline.entries(incident=self.incident)]
            export(timeline, self.incident, bundle, requested_by="chaos")
        verification = verify(bundle.read_bytes(), settings.signing_key_path.with_name("timeline.key.pub").read_text())
        self.told.verified = verification.ok
        doubtful = any(one.state is MessageState.IN_DOUBT for one in self.rows())
        self.told.findings += [] if doubtful else sealed(verification)
        kinds = Counter(entry.kind for entry in entries)
        for kind in (Kind.INCIDENT_OPENED, Kind.INCIDENT_CLOSED):
            if kinds[kind] != 1:
                self.told.findings.append(f"{kind} was recorded {kinds[kind]} times")
        said: dict[int, str] = {}
        intended = Counter[int]()
        for entry in (one for one in entries if "messages" in one.body):
            if entry.kind == Kind.NOTIFICATION_INTENT:
                intended.update(item["row"] for item in entry.body["messages"])
            elif entry.kind == Kind.NOTIFICATION_OUTCOME:
                said |= {item["row"]: item["went"][-1][0] for item in entry.body["messages"]}
        rows = {one.id: one.state.value for one in self.rows()}
        if said != rows:
            odd = {id: (said.get(id), state) for id, state in rows.items() if said.get(id) != state}
            self.told.findings.append(f"the timeline says otherwise than the outbox: {odd}")
        if set(intended) != set(rows) or max(intended.values()) > 1:
            self.told.findings.append("not every message was announced once")


@asynccontextmanager
async def mailing(
    home: Path, name: str, *, count: int, opening: Opening = letters, microburst: Path, fault: Fault | None = None
) -> AsyncGenerator[Mailing]:
    """Everything, running, with the customers in the registry."""
    home.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        supervisor = await stack.enter_async_context(Supervisor())
        post = await stack.enter_async_context(opening(home, supervisor, microburst))
        people = tuple(
            Customer(id=f"customer-{number}", name=f"Customer {number}", contacts=(post.contact(number),))
            for number in range(count)
        )
        address = await start_server(supervisor, home / "temporal")
        (home / "firedoor.toml").write_text(toml({**TABLES, "server": _server(), **post.settings()}))
        base = {"FIREDOOR_HOME": str(home), "TEMPORAL_ADDRESS": address, "PATH": "/usr/bin:/bin", **post.environment()}
        settings = load(base)
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log).close()
        Outbox.open(settings.outbox_path).close()
        with Registry.open(settings.customers_path) as registry:
            registry.replace(people, source="chaos", by="user:ada")
        engine = await Engine.connect(settings)
        armed(home, fault, supervisor.pid("temporal"))
        moved = (sys.executable, "-m", "tests.chaos.moved", str(home / "moved"))
        environment = {**base, "PYTHONPATH": str(ROOT)}
        for program, module in (("worker", ("tests.chaos.sender",)), ("server", ("firedoor", "serve"))):
            await supervisor.start(
                Program(program, (*moved, *module), home / f"{program}.log", environment, patience=15)
            )
        yield Mailing(home, settings, supervisor, engine, post, people, Told(name))


def _server() -> dict[str, object]:
    return {"port": free_port(), "public_url": PUBLIC}
