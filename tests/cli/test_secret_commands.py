"""`firedoor answer` with a secret, and `firedoor paste`: on a real terminal, through a pipe, to a real sink."""

import asyncio
import contextlib
import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from activities._action import Context, performs
from firedoor.cli.app import run
from firedoor.errors import Exit, StepError
from firedoor.incident import Evidence, IncidentState, Outcome, Preview, StepState
from firedoor.plan import Ask, Effect, Field, Loop, Plan, PlannedStep, Policy, Retry, Verdict
from firedoor.steps.credentials import Rotate, Rotated
from tests.cli.conftest import ROOT
from tests.counter import NEW, OLD, OTHER, configure, provider_on_loopback
from tests.emulators import Emulator
from tests.opened import opened
from tests.workflows import conftest as sites
from tests.workflows.conftest import Site, plan_of, site_at

APP = "aws-sm:app"
#: Seconds until a terminal is given up.
PATIENCE = 30
PROMPT = "(not shown): "


@dataclass
class Stage:
    """The emulator's secrets, for the rotation of this file."""

    manager: Any = None
    names: list[str] = field(default_factory=list)


STAGE = Stage()


@performs(Rotate)
def rotate(step: Rotate, context: Context) -> Iterator[Preview | Outcome]:
    """A rotation at a provider where only a person can create the new key: it looks whether one is in the sink."""
    name = step.into[0].removeprefix("aws-sm:")
    if STAGE.manager.get_secret_value(SecretId=name)["SecretString"] == OLD:
        raise StepError("needs_person", "OpenAI has no API to create it: a person has to.", next="Create it there.")
    yield Preview(change="a new key", effect=Effect.DESTRUCTIVE)
    rotated = Rotated(old=step.credential, new=step.credential, places=step.into, state="dead")
    proof = Evidence(source="test", says="refused")
    yield Outcome(
        summary="rotated", result=rotated.model_dump(), verdict=Verdict.CONTAINED, changed=True, evidence=(proof,)
    )


@pytest.fixture
async def site(
    temporal_address: str, ministack_server: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Site]:
    """An installation with a worker, two secrets with the old value, and a provider; this process uses it."""
    ministack_server.reset()
    monkeypatch.setattr(STAGE, "manager", ministack_server.client("secretsmanager"))
    for name in ("app", "copy"):
        STAGE.manager.create_secret(Name=name, SecretString=OLD)
    monkeypatch.setattr(sites, "ACTIONS", (rotate,))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    with provider_on_loopback() as provider:
        provider.accepted.add(OLD)
        configure(tmp_path / "home", ministack_server.url, provider, monkeypatch)
        async with site_at(temporal_address, tmp_path / "home") as one:
            yield one


def held(name: str = "app") -> str:
    """What consumers get."""
    value: str = STAGE.manager.get_secret_value(SecretId=name)["SecretString"]
    return value


def form(*, sources: Sequence[str] = (), **more: Field) -> Plan:
    """Asks for a new key."""
    key = Field(type="secret", description="The new key", provider="openai", kind="user_key", into=(APP,))
    policies = {"us": Policy(sources=tuple(sources))} if sources else {}
    ask = Ask(prompt="Create a new key at OpenAI.", of="us" if sources else "", fields={"key": key, **more})
    return plan_of(PlannedStep(id="ask", kind="ask", ask=ask), policies=policies)


def rotation(loop: Loop | None = None, **arguments: Any) -> Plan:
    """Rotates `app`, or each secret of a list."""
    credential = {"provider": "openai", "kind": "user_key", "id": "key_1", "name": "gateway"}
    step = PlannedStep(
        id="rotate",
        kind="uses",
        action="credential.rotate",
        effect=Effect.DESTRUCTIVE,
        containment=True,
        arguments={"credential": credential, "into": [APP], **arguments},
        loop=loop,
        retry=Retry(attempts=1),
    )
    return plan_of(step)


@dataclass
class Terminal:
    """What a command on a pseudo-terminal wrote, and its exit code."""

    code: int
    said: str


def typed(words: Sequence[str], *lines: str) -> Terminal:
    """Run the program on a terminal, and type a line whenever it asks for a secret."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    command = [sys.executable, "-m", "firedoor", *words]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    said, waiting = b"", list(lines)
    deadline = time.monotonic() + PATIENCE
    with contextlib.suppress(OSError):
        while select.select([master], [], [], max(0, deadline - time.monotonic()))[0]:
            said += os.read(master, 65536)
            if waiting and said.count(PROMPT.encode()) > len(lines) - len(waiting):
                os.write(master, waiting.pop(0).encode() + b"\n")
    if time.monotonic() > deadline:
        process.kill()
    os.close(master)
    return Terminal(process.wait(30), said.decode())


async def on_terminal(words: Sequence[str], *lines: str) -> Terminal:
    """The same, while the worker works."""
    return await asyncio.to_thread(typed, words, *lines)


@dataclass(frozen=True)
class Done:
    """What a command line without a terminal did."""

    code: int
    out: str
    err: str


Pipe = Callable[..., Any]


@pytest.fixture
def pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Runs a command line with a text piped into it."""

    async def call(text: str, *words: str) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        code = await asyncio.to_thread(run, words)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return call


async def test_a_secret_on_a_terminal(site: Site) -> None:
    """It is said where it goes before it is asked for; it is not shown; it is in the sink, and nowhere else."""
    incident = await site.start(form())
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    done = await on_terminal(["answer", incident, "ask"], NEW)
    assert done.code == 0, done.said
    told, _, after = done.said.partition(PROMPT)
    assert "Create a new key at OpenAI." in told
    assert "The new key" in told
    assert f"goes into  {APP}" in told
    assert "OpenAI is asked whether it works. firedoor itself keeps only its fingerprint." in told
    assert "is in aws-sm:app. OpenAI accepted the value" in after
    assert "ask is answered." in after
    view = await site.engine.result(incident)
    assert view.state is IncidentState.COMPLETED
    assert view.steps[0].result["key"]["where"] == APP
    assert held() == NEW
    files = b"".join(path.read_bytes() for path in site.settings.home.rglob("*") if path.is_file())
    history = await opened(site.client, incident)
    for value in (NEW, OLD):
        assert value not in done.said
        assert value.encode() not in files
        assert value.encode() not in history
        assert value not in view.model_dump_json()
    kinds = site.kinds(incident)
    assert kinds.index("action.intent") < kinds.index("action.outcome") < kinds.index("decision")


async def test_a_wrong_value_is_asked_for_again(site: Site) -> None:
    """The old one, something with a space, one that the provider refuses; then the right one."""
    incident = await site.start(form())
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    done = await on_terminal(["answer", incident, "ask"], OLD, "two words", "sk-proj-canary-dead-dead-dead", f" {NEW} ")
    assert done.code == 0, done.said
    for sentence in ("This is the old value", "a space or a line break", "does not accept this value"):
        assert sentence in done.said
    assert "canary" not in done.said
    assert held() == NEW


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["key=canary-value"], "key is a secret, and was not taken from the command line"),
        ([], "key is a secret, and there is nobody to ask here"),
    ],
)
async def test_where_a_secret_does_not_come_from(site: Site, pipe: Pipe, words: list[str], sentence: str) -> None:
    """Not from a command line, and not from nowhere: nothing is stored, and the question stays."""
    incident = await site.start(form())
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    done = await pipe("", "answer", incident, "ask", *words)
    assert done.code == Exit.USAGE
    assert sentence in done.err
    assert "canary" not in done.err
    assert held() == OLD
    await site.decide(incident, "abort", reason="enough")


async def test_a_script_pipes_it_in(site: Site, pipe: Pipe) -> None:
    """One secret, with the other fields as words; the answer is JSON where that is asked for."""
    incident = await site.start(form(note=Field(type="string")))
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    done = await pipe(f"{NEW}\n", "answer", incident, "ask", "note=x", "--secret-stdin", "-o", "json")
    assert (done.code, held()) == (0, NEW), done.err
    assert '"done": "ask is answered."' in done.out
    assert "canary" not in done.out + done.err


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (form(note=Field(type="string")), "note is missing."),
        (form(sources=["user:nobody-here"]), "is not in us: it takes one of user:nobody-here."),
        (
            form(other=Field(type="secret", provider="openai", into=("aws-sm:copy",))),
            "--secret-stdin gives one secret, and there are 2: key, other.",
        ),
    ],
)
async def test_nothing_is_stored_for_an_answer_that_would_be_refused(
    site: Site, pipe: Pipe, plan: Plan, sentence: str
) -> None:
    """A field that lacks, a person who may not, one pipe for two secrets: said before, not after."""
    incident = await site.start(plan)
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    done = await pipe(NEW, "answer", incident, "ask", "--secret-stdin")
    assert done.code in (Exit.USAGE, Exit.REFUSED)
    assert sentence in done.err
    assert held() == OLD
    await site.decide(incident, "abort", reason="enough")


async def test_a_secret_that_may_be_left_out(site: Site) -> None:
    """An empty line leaves it out; the others are asked for."""
    spare = Field(type="secret", required=False, provider="openai", kind="user_key", into=("aws-sm:copy",))
    incident = await site.start(form(spare=spare))
    await site.reaches(incident, "ask", StepState.WAITING_ANSWER)
    done = await on_terminal(["answer", incident, "ask"], NEW, "")
    assert done.code == 0, done.said
    view = await site.engine.result(incident)
    assert view.steps[0].result["spare"] is None
    assert (held(), held("copy")) == (NEW, OLD)


async def test_paste_gives_a_rotation_its_key(site: Site) -> None:
    """The incident says what to type; it is stored where the step says, and the step goes on with it."""
    incident = await site.start(rotation())
    await site.reaches(incident, "rotate", StepState.NEEDS_ATTENTION)
    shown = await on_terminal(["show", incident])
    assert re.search(r"firedoor paste \S+ rotate", shown.said)
    done = await on_terminal(["paste", incident, "rotate"], NEW)
    assert done.code == 0, done.said
    assert "The new key in the place of gateway key_1" in done.said
    assert "rotate runs again" in done.said
    view = await site.engine.result(incident)
    assert (view.verdict, held()) == (Verdict.CONTAINED, NEW)
    assert NEW not in done.said
    assert NEW.encode() not in await opened(site.client, incident)


@pytest.mark.usefixtures("desk_here")
async def test_paste_for_one_target_of_many(site: Site, pipe: Pipe) -> None:
    """Named, because several wait; the others stay as they are until they get theirs."""
    loop = Loop(items="inputs.names", name="one")
    incident = await site.start(rotation(loop, into=["aws-sm:${{ one }}"]), {"names": ["app", "copy"]})
    await site.reaches(incident, "rotate", StepState.NEEDS_ATTENTION)
    vague = await pipe(NEW, "paste", incident, "rotate", "--secret-stdin")
    assert vague.code == Exit.USAGE
    assert "rotate waits for 2 keys." in vague.err
    wrong = await pipe(NEW, "paste", incident, "rotate", "--target", "9", "--secret-stdin")
    assert "0 failed targets of rotate are called '9'." in wrong.err
    first = await pipe(NEW, "paste", incident, "rotate", "--target", "1", "--secret-stdin")
    assert (first.code, held(), held("copy")) == (0, OLD, NEW), first.err
    await site.shows(incident, lambda view: view.steps[0].progress and view.steps[0].progress.failed == 1)
    await site.reaches(incident, "rotate", StepState.NEEDS_ATTENTION)
    last = await pipe(OTHER, "paste", incident, "rotate", "--secret-stdin")
    assert last.code == 0, last.err
    view = await site.engine.result(incident)
    assert (view.verdict, held(), held("copy")) == (Verdict.CONTAINED, OTHER, NEW)


async def test_paste_where_nothing_waits_for_a_key(site: Site, pipe: Pipe) -> None:
    """A question, a target of what has none, a step without a place: a sentence, and nothing is stored."""
    asked = await site.start(form())
    await site.reaches(asked, "ask", StepState.WAITING_ANSWER)
    done = await pipe(NEW, "paste", asked, "ask", "--secret-stdin")
    assert "ask takes no new key: it is no rotation." in done.err
    assert f"firedoor answer {asked} ask" in done.err
    await site.decide(asked, "abort", reason="enough")
    incident = await site.start(rotation())
    await site.reaches(incident, "rotate", StepState.NEEDS_ATTENTION)
    done = await pipe(NEW, "paste", incident, "rotate", "--target", "x", "--secret-stdin")
    assert "rotate acts on one credential." in done.err
    done = await pipe("", "paste", incident, "rotate")
    assert "there is nobody to ask here" in done.err
    assert held() == OLD
    await site.decide(incident, "abort", reason="enough")
    done = await pipe(NEW, "paste", incident, "rotate", "--secret-stdin")
    assert "rotate does not wait for a key: it is aborted." in done.err
