"""A home with runbooks of its own, a worker that serves it, and the command line as a function."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from activities import checkup, customer_source, intake, stocktaking
from firedoor import desk
from firedoor.cli.app import run
from firedoor.cli.queue import workers
from firedoor.config import Settings, local_user
from firedoor.engine import connect

ROOT = Path(__file__).resolve().parents[2]

#: Waits for its user twice, and fails once: there are no AWS credentials in tests.
RUNBOOK = """
name: close-the-door
title: Close the door
severity: low
inputs:
  door: {{type: string, pattern: '[a-z0-9-]+', description: Which door}}
  hard: {{type: boolean, default: false}}
identity: [door]
approvals:
  us: {{from: ['{user}'], self: true}}
  others: {{from: ['user:somebody-else']}}
steps:
  gate: {{approval: us}}
  question:
    needs: [gate]
    ask:
      prompt: Is it shut?
      of: us
      fields:
        shut: {{type: boolean, description: Is it shut}}
        hinges: {{type: integer, required: false}}
  key:
    needs: [question]
    uses: aws.iam.identify_access_key
    with: {{access_key_id: AKIAIOSFODNN7EXAMPLE}}
"""

#: Somebody who is not us must agree: it waits for ever.
GUARDED = """
name: guarded
inputs: {door: {type: string}}
identity: [door]
approvals: {others: {from: ['user:somebody-else']}}
steps:
  gate: {approval: others}
"""


#: Runs another runbook as a step.
OUTER = """
name: outer
inputs: {door: {type: string}}
identity: [door]
steps:
  inner: {run: guarded, with: {door: '${{ inputs.door }}'}}
"""

#: Needs nobody.
AT_ONCE = """
name: at-once
inputs: {door: {type: string}}
identity: [door]
steps:
  pause: {wait: 1s}
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command line did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


def until(condition: Callable[[], bool], patience: float = 30.0) -> None:
    """Wait for something that a worker does."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line as a function: `cli("show", "x")`."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


ANSWERS: Mapping[str, Callable[[bytes], object]] = {
    "activities.checkup": lambda _: checkup.answer(),
    "activities.customer_source": customer_source.answer,
    "activities.intake": intake.answer,
    "activities.stocktaking": stocktaking.answer,
}


@pytest.fixture
def desk_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of the worker's side answer in this process: starting one costs two seconds of a processor.

    For tests that ask again and again. That a process is started stands in `tests/test_desk.py`; that the real programs
    answer there, one test of each command shows, which does not ask for this.
    """

    def run(program: str, line: bytes, patience: float, environment: Mapping[str, str] | None) -> object:
        return json.loads(json.dumps(ANSWERS[program](line)))

    monkeypatch.setattr(desk, "_run", run)


def approved(cli: Cli, incident: str, step: str, *options: str) -> Done:
    """Approve as a script does: it says what it saw."""
    view = json.loads(cli("show", incident, step, "-o", "json").out)
    digest = view["request"]["digest"] if view["request"] else "nothing"
    return cli("approve", incident, step, "--yes", "--digest", digest, *options)


@pytest.fixture(scope="session")
def served_home(temporal_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose task queue a real worker process serves."""
    home = tmp_path_factory.mktemp("served")
    (home / "runbooks").mkdir()
    (home / "runbooks" / "close-the-door.yaml").write_text(RUNBOOK.format(user=local_user()))
    (home / "runbooks" / "guarded.yaml").write_text(GUARDED)
    (home / "runbooks" / "at-once.yaml").write_text(AT_ONCE)
    (home / "runbooks" / "outer.yaml").write_text(OUTER)
    (home / "firedoor.toml").write_text(f'task_queue = "{home.name}"\nrunbooks = ["{home / "runbooks"}"]\n')
    with serving(home, temporal_address):
        yield home


@contextlib.contextmanager
def serving(home: Path, temporal_address: str, environment: Mapping[str, str] | None = None) -> Generator[None]:
    """A worker process that serves a home's task queue."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "FIREDOOR_HOME": str(home),
        "TEMPORAL_ADDRESS": temporal_address,
        "AWS_EC2_METADATA_DISABLED": "true",
        **(environment or {}),
    }
    with (home / "worker.log").open("wb") as log:
        command = [sys.executable, str(ROOT / "worker.py")]
        worker = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        try:
            asyncio.run(_serving(Settings(home=home, temporal_environment={"TEMPORAL_ADDRESS": temporal_address})))
            yield
        finally:
            worker.terminate()
            worker.wait(30)


async def _serving(settings: Settings) -> None:
    """Wait until the worker asks for work."""
    client = await connect(settings)
    async with asyncio.timeout(30):
        while not await workers(client, settings.home.name):
            await asyncio.sleep(0.05)


@pytest.fixture
def served(served_home: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process uses the served home."""
    monkeypatch.setenv("FIREDOOR_HOME", str(served_home))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    return served_home
