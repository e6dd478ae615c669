"""Stages a drill: a real Temporal dev server, a real worker process, emulated providers, a scripted responder.

What is proved is proved by the emulator's own answers, after the incident has ended. The drill's worker gets an
environment made from nothing, so that no credential and no Temporal address of the engineer can get into it.
"""

import asyncio
import contextlib
import datetime
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firedoor.app import app_folder
from firedoor.catalog import compiled_runbook, runbooks
from firedoor.config import Settings, load
from firedoor.converter import load_key
from firedoor.drill.door import Door, Stage, Terminal, Turn
from firedoor.drill.responders import people
from firedoor.drill.result import DrillResult, Proof, StepResult, with_clocks, with_record
from firedoor.drill.scenario import Reply, Scenario
from firedoor.drill.toml import toml
from firedoor.engine import Engine
from firedoor.errors import Exit, FiredoorError, RefusedError, UsageError
from firedoor.incident import FINAL_STATES, Decision, IncidentState, IncidentView, Responder, StepState, StepView
from firedoor.local import START_SECONDS, answers, free_port, server_command, temporal_binary
from firedoor.plan import Plan, Verdict
from firedoor.report.making import findings, write
from firedoor.supervisor import Program, Supervisor
from firedoor.timeline.entry import Entry
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import Verification, verify

#: How long the end of an aborted incident is waited for.
ABORT_SECONDS = 20.0

#: How often the scripted responder lets a step that needs attention try again.
RETRIES = 1

WAITING = {
    StepState.WAITING_APPROVAL: "approve",
    StepState.WAITING_ANSWER: "answer",
    StepState.SLEEPING: "skip",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """Who watches: `show` gets every change of the incident, `tell` sentences about the stage, `record` the end."""

    show: Callable[[IncidentView], None] = lambda _: None
    tell: Callable[[str], None] = lambda _: None
    record: Callable[[Sequence[Entry]], None] = lambda _: None


async def drill(
    scenario: Scenario, settings: Settings, audience: Audience, keep: Path | None = None, door: Door | None = None
) -> DrillResult:
    """Rehearse a scenario and say whether containment was proved.

    With `keep` the folder holds afterwards `result.json`, `report.html` and `.md`, `incident.zip`, `timeline.pub`, the
    data folder `data`, and `conversation.txt` where people came in by a `door` at which something was said; without one
    they are at a terminal.
    Raises `UsageError` if the folder is not empty, or the stage cannot be set up.
    """
    rehearsal = Rehearsal(scenario, settings, audience, door)
    with _ended_in_order():
        if keep is not None:
            return await rehearsal.run(empty_folder(keep))
        with tempfile.TemporaryDirectory(prefix="firedoor-drill-") as folder:
            return await rehearsal.run(Path(folder))


class DrillEndedError(FiredoorError):
    """Somebody ended the drill from outside."""

    reason = "interrupted"
    exit = Exit.INTERRUPTED


@contextlib.contextmanager
def _ended_in_order() -> Generator[None]:
    """SIGTERM ends a drill as Ctrl-C does: everything that it started is stopped, and its folder removed."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    asked = asyncio.Event()

    def end() -> None:
        asked.set()
        if task:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        yield
    except asyncio.CancelledError:
        if asked.is_set() and task:
            task.uncancel()
            raise DrillEndedError(
                "The drill was ended by SIGTERM before its end.", changed="Only emulators were touched; they are gone."
            ) from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def empty_folder(folder: Path) -> Path:
    """The folder, made if need be. Raises `UsageError` if there is something in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}.", next="Name a folder of your own.") from None
    if occupied:
        raise UsageError(
            f"{folder} is not empty, and a drill overwrites nothing.",
            changed="Nothing was started.",
            next="Name a folder that does not exist yet.",
        )
    return folder.absolute()


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on both clocks: the steady one for spans of this process, the wall clock for what others wrote down."""

    steady: float = field(default_factory=time.monotonic)
    wall: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))

    def until(self, at: str) -> float:
        """Seconds to a time in RFC 3339; 0 for one that is empty or past."""
        return max(0.0, (datetime.datetime.fromisoformat(at) - self.wall).total_seconds()) if at else 0.0


class Rehearsal:
    """One run of one scenario."""

    def __init__(self, scenario: Scenario, settings: Settings, audience: Audience, door: Door | None = None) -> None:
        self.scenario = scenario
        self.audience = audience
        self.door = door or Terminal()
        self.restarts = 0
        self.supervisor = Supervisor(self._restarted)
        self._settings = settings
        self._file, self._plan = rehearsed(scenario.name, settings)
        self._retried: dict[str, int] = {}

    async def run(self, folder: Path) -> DrillResult:
        """Everything, in `folder`. Whatever was started is ended when this returns or raises."""
        began = Moment()
        home = folder / "data"
        home.mkdir(mode=0o700)
        async with self.supervisor:
            try:
                address = await self._start_temporal(home)
                return await self._play(folder, home, address, began)
            finally:
                await self.door.close()
                await self.scenario.tear_down()

    async def _play(self, folder: Path, home: Path, address: str, began: Moment) -> DrillResult:
        tell, scenario = self.audience.tell, self.scenario
        tell(f"The runbook that is rehearsed: {self._file}.")
        self._adapt(folder / "runbooks")
        await scenario.set_up(self.supervisor, self._settings, folder, self._plan)
        settings = self._configure(home, address)
        await scenario.settle(settings, tell)
        environment = await self._start_worker(settings)
        await self.door.open(Stage(scenario, self._plan, settings, self.supervisor, environment, tell))
        tell("Everything is planted, and the worker is starting.")
        await self.supervisor.watch(scenario.begin())
        await self.supervisor.watch(self.door.ready())
        tell(scenario.begun)
        reported = Moment()
        engine = await Engine.connect(settings)
        view = await self.supervisor.watch(self._respond(engine, settings))
        tell("The incident has ended. Now everything is tried once more.")
        proof = await self.supervisor.watch(scenario.prove())
        entries, found = await asyncio.to_thread(_export, view.id, settings, folder)
        self.audience.record(entries)
        result = self._judge(view, with_record(with_clocks(proof, view), found), began, reported)
        if said := await self.supervisor.watch(self.door.ended(view)):
            (folder / "conversation.txt").write_text("\n".join((*said, "")))
            result = result.model_copy(update={"conversation": said})
        (folder / "result.json").write_text(result.model_dump_json(indent=2) + "\n")
        await asyncio.to_thread(_report, view.id, settings, folder)
        return result

    def _adapt(self, folder: Path) -> None:
        """Rehearse a copy of the runbook that is shortened where the scenario says so, in `folder`."""
        text = self._file.read_text()
        adapted = self.scenario.adapted(text)
        if adapted == text:
            return
        folder.mkdir()
        (folder / f"{self.scenario.name}.yaml").write_text(adapted)
        self._settings = self._settings.model_copy(update={"runbooks": (folder, *self._settings.runbooks)})
        _, self._plan = rehearsed(self.scenario.name, self._settings)

    def _configure(self, home: Path, address: str) -> Settings:
        """Write the drill's own firedoor.toml and read it back the way the worker does."""
        tables = self.door.configured(self.scenario, self._plan, self._settings)
        (home / "firedoor.toml").write_text(toml(tables))
        # No profile file of the engineer may lead the drill to another Temporal.
        self._worker_base = {
            "FIREDOOR_HOME": str(home),
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }
        settings = load({**self._worker_base, "HOME": str(home)})
        # Before two processes look for it at the same time.
        load_key(settings.codec_key_path)
        return settings

    async def _start_temporal(self, home: Path) -> str:
        """A dev server with its data on disk; returns its address when it answers."""
        binary, port = temporal_binary(self._settings.temporal_binary), free_port()
        command = server_command(binary, port=port, database=home / "temporal.db", durable=False)
        await self.supervisor.start(
            Program(name="temporal", command=tuple(command), log=home / "temporal.log", restarts=20)
        )
        address = f"127.0.0.1:{port}"
        await self.supervisor.watch(_answering(address))
        return address

    async def _start_worker(self, settings: Settings) -> Mapping[str, str]:
        """Start it; its whole environment."""
        own = {"HOME": str(settings.home), "PATH": "/usr/bin:/bin"}
        given = {**self.scenario.worker_environment(), **self.door.worker_environment()}
        environment = {**self._worker_base, **given, **own}
        kinds = {"worker": "--urgent", "bulk worker": "--bulk"} if self.scenario.bulk_apart else {"worker": "--all"}
        for name, which in kinds.items():
            await self.supervisor.start(
                Program(
                    name=name,
                    command=(sys.executable, str(app_folder() / "worker.py"), which),
                    log=settings.home / f"{name.replace(' ', '-')}.log",
                    environment=environment,
                    restarts=20,
                )
            )
        return environment

    async def _respond(self, engine: Engine, settings: Settings) -> IncidentView:
        """From the alert to the end of the incident, with a scripted responder."""
        incident = await self.door.start(engine)
        try:
            async with asyncio.timeout(self.scenario.limit):
                return await self._follow(engine, incident)
        except TimeoutError:
            reason = f"the drill has not ended within {self.scenario.limit:.0f} s"
        try:
            async with asyncio.timeout(ABORT_SECONDS):
                await self._abort(engine, incident, reason)
                return await engine.result(incident)
        except TimeoutError:
            raise UsageError(
                f"{incident}: {reason}, and cannot be aborted either: its worker does not get on.",
                changed="Only emulators were touched.",
                next=f"Look into {settings.home}/worker.log; run the drill with --keep DIR to keep it.",
            ) from None

    async def _follow(self, engine: Engine, incident: str) -> IncidentView:
        # The worker is only starting, and the machine may be busy: the drill's own limit is when to give up.
        async for view in engine.watch(incident, patience=self.scenario.limit):
            self.audience.show(view)
            ended = {step.id for step in view.steps if step.state in FINAL_STATES}
            for step in view.steps:
                reply = None if self.door.busy(step.id) else self._reply_to(step)
                if reply is None or (reply.after and reply.after not in ended):
                    continue
                asked = people(self._plan, step.id, self.scenario.responder)
                await self.door.take(engine, Turn(incident, step, reply, asked))
        return await engine.result(incident)

    def _reply_to(self, step: StepView) -> Reply | None:
        """What the responder does about a step as it stands; None if it needs nobody."""
        if step.state is StepState.NEEDS_ATTENTION:
            failure = step.failure.what if step.failure else "no reason given"
            tries = self._retried[step.id] = self._retried.get(step.id, 0) + 1
            if tries <= RETRIES:
                return Reply("retry", f"drill: once more after: {failure}")
            return Reply("abort", f"drill: {step.id} needs a person: {failure}")
        if step.state not in WAITING:
            return None
        reply = self.scenario.script.get(step.id)
        if reply is None or reply.verb != WAITING[step.state]:
            # A timer runs by itself; a question that the script does not know would wait for ever.
            if step.state is StepState.SLEEPING:
                return None
            return Reply("abort", f"drill: the script has no {WAITING[step.state]} for {step.id}")
        return reply

    async def _abort(self, engine: Engine, incident: str, reason: str) -> None:
        director = Responder(principal="system:drill", auth="drill")
        with contextlib.suppress(RefusedError):
            await engine.decide(incident, "abort", Decision(responder=director, reason=reason))

    def _restarted(self, sentence: str) -> None:
        self.restarts += 1
        self.audience.tell(sentence)

    def _judge(self, view: IncidentView, proof: Proof, began: Moment, reported: Moment) -> DrillResult:
        """Contained only if the runbook ended and says so, and the emulator confirms it."""
        ended_well = view.state is IncidentState.COMPLETED and view.verdict is Verdict.CONTAINED
        contained = ended_well and proof.holds
        parts = [view.sentence, proof.sentence] if contained else ["NOT contained.", *proof.doubts, view.sentence]
        if not contained and not proof.doubts:
            parts.insert(1, "The attacker is refused, but the incident did not prove it.")
        out_after = reported.until(proof.attacker_last_success)
        if proof.attacker_last_success:
            parts.append(f"The attacker's last call that worked came {out_after:.1f} s after it was reported.")
        return DrillResult(
            scenario=self.scenario.name,
            incident=view.id,
            runbook=view.runbook,
            file=str(self._file),
            contained=contained,
            sentence=" ".join(part for part in parts if part),
            state=view.state,
            verdict=view.verdict,
            seconds=round(Moment().steady - reported.steady, 3),
            setup_seconds=round(reported.steady - began.steady, 3),
            attacker_out_after=round(out_after, 3),
            worker_restarts=self.restarts,
            steps=tuple(_step_result(step) for step in view.steps),
            proof=proof,
            shortened=self.scenario.shortening(),
        )


def rehearsed(name: str, settings: Settings) -> tuple[Path, Plan]:
    """The runbook to rehearse, and its file: the copy in the configured folders, or the one that ships with firedoor.

    Raises `RunbookErrors` if there are mistakes in it: then nothing was started.
    """
    return runbooks(settings)[name], compiled_runbook(name, settings)


def _step_result(step: StepView) -> StepResult:
    return StepResult(
        id=step.id,
        action=step.action,
        state=step.state,
        verdict=step.verdict,
        summary=step.summary,
        evidence=step.evidence,
        failure=step.failure,
    )


async def _answering(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not await answers(address):
        if time.monotonic() > deadline:
            raise UsageError(
                f"The Temporal dev server did not answer at {address} within {START_SECONDS:.0f} s.",
                next="Look into its log, temporal.log in the data folder; a busy machine may only need another try.",
            )
        await asyncio.sleep(0.05)


def _export(incident: str, settings: Settings, folder: Path) -> tuple[list[Entry], Verification]:
    """Write the exported timeline and the key that verifies it; the entries, and what verification says."""
    public = settings.signing_key_path.with_name(settings.signing_key_path.name + ".pub")
    shutil.copyfile(public, folder / "timeline.pub")
    bundle = folder / "incident.zip"
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        export(timeline, incident, bundle, requested_by="drill")
        entries = [stored.entry for stored in timeline.entries(incident)]
    return entries, verify(bundle.read_bytes(), public.read_text().strip())


def _report(incident: str, settings: Settings, folder: Path) -> None:
    """Write the report, proved by the bundle that is there."""
    found = findings(settings, incident, folder / "incident.zip")
    for name in ("report.html", "report.md"):
        write(found, folder / name)
