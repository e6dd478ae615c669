"""A real OpenBao for tests: a dev server on a free loopback port, in its memory."""

import secrets
import ssl
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import hvac
from hvac.exceptions import InvalidPath

from firedoor.drill.emulators import NO_TLS
from firedoor.local import free_port

PATIENCE = 20.0
#: What OpenBao calls the certificate of its authority.
CA = "vault-ca.pem"


@dataclass(frozen=True)
class Bao:
    """A running OpenBao, in its memory."""

    url: str
    root: str

    @property
    def kv(self) -> Any:
        """Its KV engine, as root."""
        return hvac.Client(self.url, self.root).secrets.kv.v2

    def put(self, path: str, **fields: str) -> None:
        """Write a secret."""
        self.kv.create_or_update_secret(path=path, secret=fields, mount_point="secret")

    def get(self, path: str, version: int | None = None) -> dict[str, str]:
        """Read one."""
        wanted = {"path": path, "version": version, "mount_point": "secret"}
        try:
            answer = self.kv.read_secret_version(raise_on_deleted_version=False, **wanted)
        except InvalidPath:  # A destroyed version is answered as one that never was.
            return {}
        return answer["data"]["data"] or {}

    def token(self, *rules: str) -> str:
        """A token that may do only this."""
        client = hvac.Client(self.url, self.root)
        name = f"policy-{secrets.token_hex(4)}"
        client.sys.create_or_update_policy(name=name, policy="\n".join(rules))
        token: str = client.auth.token.create(policies=[name], no_default_policy=True)["auth"]["client_token"]
        return token


@contextmanager
def openbao(binary: Path, tls: Path | None = None) -> Generator[Bao]:
    """A dev server on loopback; with an authority of its own, whose files go into the folder `tls`, if that is given."""
    port, root = free_port(), secrets.token_hex()
    command = [str(binary), "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={root}"]
    secure = ["-dev-tls", f"-dev-tls-cert-dir={tls}"] if tls else []
    process = subprocess.Popen(
        [*command, "-dev-no-store-token", *secure],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": "/nowhere"},
    )
    try:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE
        while not _ready(url, root, tls):
            assert time.monotonic() < deadline, "OpenBao does not answer"
            assert process.poll() is None
            time.sleep(0.05)
        yield Bao(url, root)
    finally:
        process.kill()
        process.wait()


def _ready(url: str, token: str, tls: Path | None) -> bool:
    if tls and not (tls / CA).exists():
        return False
    trusted = ssl.create_default_context(cafile=tls / CA) if tls else NO_TLS
    try:
        answer = httpx.get(f"{url}/v1/sys/mounts", headers={"X-Vault-Token": token}, trust_env=False, verify=trusted)
    except httpx.TransportError:
        return False
    return answer.is_success and "secret/" in answer.json()["data"]
