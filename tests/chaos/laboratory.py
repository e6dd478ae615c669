"""Runs cases: several at once, each in an installation of its own, on servers that they share where that is harmless."""

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from firedoor.drill.emulators import Aws, start_aws
from firedoor.engine import Engine
from firedoor.errors import FiredoorError
from firedoor.incident import IncidentState, IncidentView
from firedoor.supervisor import Supervisor
from firedoor.timeline.entry import Entry
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import verify
from tests.chaos.actions import Ledger
from tests.chaos.cases import RANDOM, Case
from tests.chaos.judge import History, Witness, judge, repeats, sealed
from tests.chaos.network import Proxy, signed_by, start_proxy
from tests.chaos.site import POLL, Site, armed, start_server
from tests.chaos.world import Keys, Switches, World

#: Most of a case is waiting for Temporal to notice that a worker died.
AT_ONCE = 8
FIRST_ACCOUNT = 100_000_000_000
#: Seconds between two looks at an incident whose effects are watched.
QUIET = 2.0


@dataclass
class Row:
    """What came of one case. `findings` are broken promises, and whatever else was not as expected."""

    case: Case
    #: `itself`, or the reason of the failure that a person was shown before it ended.
    ended: str = ""
    kills: int = 0
    changed: int = 0
    repeated: int = 0
    reconciled: int = 0
    lost: int = 0
    verified: bool = False
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)


class Laboratory:
    """Servers that cases share, and the cases' folders."""

    def __init__(self, folder: Path, aws: Aws, address: str, proxy: Proxy | None) -> None:
        self.folder = folder
        self.aws = aws
        self.address = address
        self.proxy = proxy
        # pytest-randomly prints what seeds this: with the same --randomly-seed the kills come at the same moments.
        self.seed = random.getrandbits(32)
        self._numbers = itertools.count(1)

    async def run(self, cases: Sequence[Case], tell: Callable[[Row], None] = lambda _: None) -> list[Row]:
        """Run the cases, some at once; `tell` hears of each that is done."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(case: Case) -> Row:
            async with turns:
                row = await self.case(case)
            tell(row)
            return row

        return list(await asyncio.gather(*(one(case) for case in cases)))

    async def case(self, case: Case) -> Row:
        """Run one case. Whatever goes wrong is a finding of its row."""
        row = Row(case)
        started = time.monotonic()
        try:
            async with self._trial(case, row) as trial:
                await trial.run()
        except (AssertionError, FiredoorError, LookupError, OSError) as error:
            row.findings.append(f"{type(error).__name__}: {error}")
        row.seconds = time.monotonic() - started
        return row

    @asynccontextmanager
    async def _trial(self, case: Case, row: Row) -> AsyncGenerator["Trial"]:
        number = next(self._numbers)
        home = self.folder / str(number)
        account = str(FIRST_ACCOUNT + number)
        async with AsyncExitStack() as stack:
            supervisor = await stack.enter_async_context(Supervisor())
            address = self.address
            if case.own_server:
                address = await start_server(supervisor, home.with_name(f"{number}-temporal"))
            proxy = self.proxy if case.rules else None
            site = Site(home, address, account, self.aws.url, proxy.url if proxy else "", supervisor)
            armed(home, case.fault, supervisor.pid("temporal"))
            world: World
            if case.targets == RANDOM:
                world = Switches(Ledger(home / "effects"), tuple(f"s{key}" for key in range(RANDOM)))
            else:
                world = await asyncio.to_thread(Keys.make, self.aws, account, case.targets)
            if proxy:
                await asyncio.to_thread(proxy.spoil, case.rules, signed_by(account))
            yield Trial(case, row, site, world, proxy, random.Random(f"{self.seed}/{case.id}"))


@dataclass
class Trial:
    """One case under way."""

    case: Case
    row: Row
    site: Site
    world: World
    proxy: Proxy | None
    chance: random.Random

    async def run(self) -> None:
        """Start the incident under the fault, see how it ends, mend, retry if a person has to, and judge each time."""
        engine = await Engine.connect(self.site.settings)
        for name, serves in self.case.workers.items():
            await self.site.start_worker(name, serves)
        plan, inputs = self.world.plan(self.case.attempts)
        incident = await self.site.run(engine, plan, inputs)
        if self.case.prey:
            await self._hunt(engine, incident)
        view = await self.site.rest(engine, incident)
        await self._judge(view)
        self._expect(view)
        if view.state is IncidentState.NEEDS_ATTENTION:
            await self._mend()
            await self.site.retry(engine, incident)
            view = await self.site.rest(engine, incident)
            await self._judge(view)
            if view.state is not IncidentState.COMPLETED:
                self.row.findings.append(f"after the retry it is {view.state}: {view.steps[0].failure}")
        await asyncio.to_thread(self._seal, incident)

    async def _hunt(self, engine: Engine, incident: str) -> None:
        """Kill the prey at random moments, which the number of effects so far decides."""
        for moment in sorted(self.chance.sample(range(100, RANDOM - 200), self.case.kills)):
            if not await self._comes(moment, engine, incident):
                return
            pid = self.site.supervisor.pid(self.chance.choice(self.case.prey))
            if pid:
                os.kill(pid, signal.SIGKILL)
                self.row.kills += 1

    async def _comes(self, moment: int, engine: Engine, incident: str) -> bool:
        """Wait for as many effects; False if the incident rests before."""
        ledger = self.site.home / "effects"
        last = time.monotonic()
        while not ledger.exists() or ledger.read_bytes().count(b"\n") < moment:
            await asyncio.sleep(POLL / 10)
            if time.monotonic() - last > QUIET:
                last = time.monotonic()
                if await self.site.rests(engine, incident):
                    return False
        return True

    async def _mend(self) -> None:
        (self.site.home / "lifted").touch()
        if self.proxy:
            await asyncio.to_thread(self.proxy.mend, signed_by(self.site.account))

    def _expect(self, view: IncidentView) -> None:
        failure = view.steps[0].failure
        attention = view.state is IncidentState.NEEDS_ATTENTION and failure is not None
        self.row.ended = failure.reason if attention and failure else "itself"
        if self.row.ended != (self.case.reason or "itself"):
            expected = f"needs attention ({self.case.reason})" if self.case.reason else "ends by itself"
            self.row.findings.append(f"expected that it {expected}, but: {failure or view.state}")
        if self.case.prey and not self.row.kills:
            self.row.findings.append("nothing was killed")
        if self.case.fault and not (self.site.home / "fired.json").exists():
            self.row.findings.append("the fault never happened: its point was not reached")
        if self.case.fault and "kill" in self.case.fault.does:
            self.row.kills = 1
        elif self.case.family == "disk" and not (self.site.home / "failed").exists():
            self.row.findings.append("the disk was never full: every transaction went through")

    async def _judge(self, view: IncidentView) -> None:
        entries, witness = await asyncio.to_thread(self._look, view.id)
        self.row.findings += judge(view, entries, witness)
        history = History.of(entries, witness.targets)
        self.row.changed = len(witness.writes)
        self.row.repeated = len({finding.split()[0] for finding in repeats(history, witness)})
        self.row.reconciled = len(history.reconciled)
        self.row.lost = len(set(witness.targets) - set(history.done))
        if self.case.in_doubt and not history.reconciled and view.state is IncidentState.COMPLETED:
            self.row.findings.append("an attempt died in doubt, and nothing in the record says that it was read back")
        missing = set(self.case.kinds) - {entry.kind for entry in self._whole_log()}
        self.row.findings += [f"the record has no {kind}" for kind in sorted(missing)]

    def _look(self, incident: str) -> tuple[list[Entry], Witness]:
        with self.site.timeline() as timeline:
            entries = [stored.entry for stored in timeline.entries(incident)]
        return entries, Witness(self.world.targets, self.world.writes(), self.world.shut())

    def _whole_log(self) -> list[Entry]:
        with self.site.timeline() as timeline:
            return [stored.entry for stored in timeline.entries()]

    def _seal(self, incident: str) -> None:
        settings = self.site.settings
        bundle = self.site.home / "incident.zip"
        with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
            export(timeline, incident, bundle, requested_by="chaos")
        public = settings.signing_key_path.with_name("timeline.key.pub").read_text().strip()
        verification = verify(bundle.read_bytes(), public)
        self.row.verified = verification.ok
        self.row.findings += sealed(verification)


@asynccontextmanager
async def laboratory(folder: Path, emulator: Path, microburst: Path | None) -> AsyncGenerator[Laboratory]:
    """The shared servers: ministack, Temporal, and the proxy if `microburst` (its program) is given."""
    async with AsyncExitStack() as stack:
        supervisor = await stack.enter_async_context(Supervisor())
        aws = await start_aws(supervisor, str(emulator), folder / "emulator")
        address = await start_server(supervisor, folder / "temporal")
        proxy = await start_proxy(supervisor, microburst, aws.url, folder) if microburst else None
        yield Laboratory(folder, aws, address, proxy)
