"""Emulators of providers, started for a drill and gone with it. They listen on loopback only."""

import asyncio
import http.client
import os
import shutil
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from firedoor.app import app_folder
from firedoor.drill import ministack
from firedoor.errors import UsageError
from firedoor.local import free_port
from firedoor.supervisor import Program, Supervisor

REGION = "us-east-1"

START_SECONDS = 20.0

#: No retries: the first answer is what a drill reports. No proxy: the emulator is on this machine.
CLIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10, proxies={})

#: For httpx: emulators and fakes speak plain HTTP, so no authorities are read. Reading them takes longer than a call.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

#: botocore's settings that must not come from the engineer's own AWS configuration.
NOBODY = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


@dataclass(frozen=True, slots=True)
class AwsKey:
    """AWS credentials, of a user or of a session (`token`). Emulated ones only: they are worth nothing elsewhere."""

    id: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        return f"AwsKey({self.id})"


#: ministack's root user.
ROOT = AwsKey("test", "test")


class Aws:
    """A running AWS emulator. `url` is its endpoint for every service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = boto3.Session(botocore_session=botocore.session.Session(session_vars=NOBODY))
        # Making clients is not safe in several threads; using them is.
        self._making = threading.Lock()

    def client(self, service: str, key: AwsKey = ROOT) -> Any:
        """A boto3 client that signs with `key` and can reach nothing but the emulator."""
        with self._making:
            return self._session.client(
                service,
                region_name=REGION,
                endpoint_url=self.url,
                config=CLIENT,
                aws_access_key_id=key.id,
                aws_secret_access_key=key.secret,
                aws_session_token=key.token or None,
            )


async def start_aws(supervisor: Supervisor, configured: str, folder: Path) -> Aws:
    """Start ministack with authentication enforced, and wait until it is ready (about a second).

    Its home and temporary files stay in `folder`. It ends with the supervisor. Raises `UsageError` if it is not
    installed, or exits before it is ready.
    """
    python = emulator_python(configured)
    port = free_port()
    program = Program(
        name="aws emulator",
        command=(str(python), "-I", ministack.__file__),
        log=folder / "ministack.log",
        environment=_environment(port, folder),
        # Its state lives in its memory: a second one would be another account.
        restarts=0,
        patience=1.0,
    )
    await supervisor.start(program)
    await supervisor.watch(_ready(port))
    return Aws(f"http://127.0.0.1:{port}")


def emulator_python(configured: str = "") -> Path:
    """The Python of the environment that ministack is installed in.

    Looked for in this order: the configured path of `ministack`, `.venv-emulators` of a checkout, PATH. Raises
    `UsageError` where there is none.
    """
    beside_us = app_folder() / ".venv-emulators" / "bin" / "ministack"
    found = [configured] if configured else [str(beside_us), shutil.which("ministack") or ""]
    for binary in found:
        # A link such as pipx makes leads to the environment; the `python` in there is itself a link that must stay.
        python = Path(binary).resolve().parent / "python"
        if binary and Path(binary).is_file() and python.is_file():
            return python
    raise UsageError(
        f"The AWS emulator was not found: {configured or 'there is no `ministack` in .venv-emulators or on PATH'}.",
        next=(
            "In a checkout, `make` installs it. Elsewhere: "
            f"`python3 -m venv emulators && emulators/bin/pip install ministack=={ministack.VERSION}`, "
            "then set `emulator` in firedoor.toml (or FIREDOOR_EMULATOR) to emulators/bin/ministack. "
            f"It needs an environment of its own, not the one of firedoor ({sys.prefix})."
        ),
    )


def _environment(port: int, folder: Path) -> Mapping[str, str]:
    """The whole environment of the emulator: nothing of the engineer's own AWS configuration goes in."""
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": "/usr/bin:/bin",
    }


async def _ready(port: int) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not await asyncio.to_thread(_healthy, port):
        if asyncio.get_running_loop().time() > deadline:
            raise UsageError(
                f"The AWS emulator did not answer on 127.0.0.1:{port} within {START_SECONDS:.0f} s.",
                next="Look into its log, ministack.log; a machine under heavy load may only need another try.",
            )
        await asyncio.sleep(0.05)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
