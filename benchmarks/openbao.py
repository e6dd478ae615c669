"""A real OpenBao on loopback, with everything in its memory: the sink of rotations that are measured."""

import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.installation import until
from firedoor.drill.emulators import emulator_python
from firedoor.local import free_port
from firedoor.supervisor import Program, Supervisor


@dataclass(frozen=True, slots=True)
class Vault:
    """A running one, and the token of its root. Paths are below its engine `secret`, KV version 2."""

    url: str
    token: str

    async def put(self, values: Mapping[str, str]) -> None:
        """Store a value at each path."""
        async with self._client() as client:
            for path, value in values.items():
                body = {"data": {"value": value}}
                (await client.post(f"/v1/secret/data/{path}", json=body)).raise_for_status()

    async def get(self, paths: Iterable[str]) -> list[str]:
        """The value at each path."""
        async with self._client() as client:
            answers = [(await client.get(f"/v1/secret/data/{path}")).raise_for_status().json() for path in paths]
        return [str(answer["data"]["data"]["value"]) for answer in answers]

    async def ready(self) -> bool:
        """Does it answer, and has it its engine?"""
        try:
            async with self._client() as client:
                answer = await client.get("/v1/sys/mounts")
        except httpx.TransportError:
            return False
        return answer.is_success and "secret/" in answer.json()["data"]

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"X-Vault-Token": self.token}, trust_env=False)


@asynccontextmanager
async def openbao(folder: Path) -> AsyncGenerator[Vault]:
    """Start it; its log is in `folder`. It is in the environment of the emulators."""
    vault = Vault(f"http://127.0.0.1:{(port := free_port())}", secrets.token_hex())
    command = (
        str(emulator_python().with_name("bao")),
        "server",
        "-dev",
        f"-dev-listen-address=127.0.0.1:{port}",
        f"-dev-root-token-id={vault.token}",
        "-dev-no-store-token",
    )
    async with Supervisor() as programs:
        # Its secrets live in its memory: a second one would have none.
        await programs.start(Program("openbao", command, folder / "openbao.log", {"HOME": str(folder)}, restarts=0))
        await programs.watch(until(vault.ready))
        yield vault
