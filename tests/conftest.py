"""What every test stands on: nothing of this machine's configuration, real servers of its own, loopback only."""

import asyncio
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from firedoor.config import Settings
from firedoor.drill.slack.local import LocalSlack
from firedoor.local import dev_server, temporal_binary
from tests.browsing import Browser, browser_running
from tests.emulators import Emulator, ministack
from tests.faking import Fakes
from tests.openbao import Bao, openbao
from tests.slacking import judge_slack

ROOT = Path(__file__).resolve().parents[1]

#: Variables that would let a test reach, or depend on, what belongs to the person who runs it.
FOREIGN = ("AWS_", "BOTO", "FIREDOOR_", "SLACK_", "TEMPORAL_")

settings.register_profile("firedoor", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("firedoor")

# Looking for garbage costs a fifth of the tests' time: what is imported and collected stays, so it is never looked at.
gc.disable()


#: Whole drills, killed processes and the like begin first, so that at the end nobody waits for the last of them.
LONG = (
    "tests/chaos/",
    "tests/drill/",
    "tests/cli/test_commands.py",
    "tests/cli/test_drill_command.py",
    "tests/cli/test_steering_commands.py",
    "tests/activities/campaigns/test_send_killed.py",
    "tests/test_rotation_benchmark.py",
    "tests/test_worker.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first; otherwise the order stays as it is."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make only, and less often than Python does by itself."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def isolation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator: Path) -> None:
    """Take away credentials, profiles and settings of the machine, also from the processes that a test starts."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("FIREDOOR_EMULATOR", str(emulator))
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def home_settings(tmp_path: Path) -> Settings:
    """Settings of an installation of its own, in `tmp_path`."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def emulator() -> Path:
    """The AWS emulator's program, `ministack`: `FIREDOOR_EMULATOR`, or the one that `make setup` installs."""
    return Path(os.environ.get("FIREDOOR_EMULATOR") or ROOT / ".venv-emulators" / "bin" / "ministack")


@pytest.fixture(scope="session")
def ministack_server(emulator: Path) -> Iterator[Emulator]:
    """One ministack for the run."""
    with ministack(emulator) as running:
        yield running


@pytest.fixture
def aws(ministack_server: Emulator) -> Emulator:
    """A ministack with nothing in it."""
    ministack_server.reset()
    return ministack_server


@pytest.fixture(scope="session")
def bao(emulator: Path) -> Iterator[Bao]:
    """One OpenBao for the run; it stands beside the emulators."""
    with openbao(emulator.with_name("bao")) as running:
        yield running


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Temporal dev server, one for each process of the test run. Use task queues of your own."""
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    with asyncio.Runner() as runner:
        server = dev_server(temporal_binary(), log=log)
        address = runner.run(server.__aenter__())
        try:
            yield address
        finally:
            runner.run(server.__aexit__(None, None, None))


@pytest.fixture
def fakes() -> Iterator[Fakes]:
    """Starts fakes, as in `fakes(FakeOpenAI())`; when the test ends, all their exchanges must fit the document."""
    starting = Fakes()
    yield starting
    starting.stop()
    starting.judge()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for each process of the test run; it starts with the first page that is looked at."""
    with browser_running() as running:
        yield running


@pytest.fixture(scope="session")
def slack_server() -> Iterator[LocalSlack]:
    """One fake Slack for each process of the test run."""
    with LocalSlack() as running:
        yield running


@pytest.fixture
def slack(slack_server: LocalSlack) -> Iterator[LocalSlack]:
    """A Slack on loopback with a new workspace (`firedoor.drill.slack.workspace.standard`); all calls must fit the document."""
    slack_server.reset()
    yield slack_server
    judge_slack(slack_server.log)
