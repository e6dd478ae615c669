"""A thousand keys are rotated: by a runbook's `for_each`, over seven providers, into a real OpenBao.

`rotate_1000` keeps the limits that the providers document, and the fakes answer 429 to whoever does not. Measured
against what no program can beat that keeps them: the calls that a rotation needs, less the burst, at each provider's
rate; the slowest provider counts. Each has as many keys as it can rotate in the time that the others need, so that none of
them may be left waiting. `rotate_1000_lifted` knows no limits, and is measured against `rotation_script`.

What a rotation needs is counted: it is what that script sends.
"""

import asyncio
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.fakes import Key, Providers, Seen, planted
from benchmarks.installation import PATIENCE, installed, until
from benchmarks.measured import Measured
from firedoor.compiler import compile_runbook
from firedoor.config import Limit, default_limits
from firedoor.drill.emulators import emulator_python
from firedoor.local import free_port
from firedoor.providers import providers
from firedoor.supervisor import Program, Supervisor

#: Keys by provider, a thousand in all: what each can rotate while the others do, by its limit and the calls that it needs.
#: SendGrid lets an account have 100 keys, and in the middle of a rotation there are two for each.
KEYS = {
    "openai": 214,
    "twilio": 214,
    "braintrust": 214,
    "openrouter": 179,
    "datadog": 72,
    "cloudflare": 62,
    "sendgrid": 45,
}
LANES = 64
#: What an inventory says of a key.
LISTED = {"provider", "kind", "id", "name", "scope", "owner"}
LIMITED_RUNS = 3
LIFTED_RUNS = 5
#: More than anybody sends here.
NONE = Limit(rate=10_000, burst=10_000)

RUNBOOK = f"""\
name: rotate-thousand
mode: rotation
inputs: {{places: {{type: list}}}}
steps:
  find:
    uses: inventory.find
    with: {{places: '${{{{ inputs.places }}}}'}}
  rotate:
    for_each: ${{{{ steps.find.found }}}}
    as: one
    concurrency: {LANES}
    uses: credential.rotate
    with: {{credential: '${{{{ one.credential }}}}', into: '${{{{ one.places }}}}'}}
"""
#: Where the values are: of the keys that are measured, and of one at each provider that warms the workers up.
MEASURED, WARMING = "vault:secret/measured/", "vault:secret/warming/"


@dataclass(frozen=True, slots=True)
class Vault:
    """A running OpenBao that keeps everything in its memory."""

    url: str
    token: str

    def client(self) -> httpx.AsyncClient:
        """A client that acts as its root."""
        return httpx.AsyncClient(base_url=self.url, headers={"X-Vault-Token": self.token}, trust_env=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """The fakes with their keys, and the OpenBao that holds their values. The first key of each provider warms up."""

    providers: Providers
    vault: Vault

    @property
    def measured(self) -> list[Key]:
        """The others."""
        return [key for key in self.providers.keys if not _first(key)]

    def configuration(self, folder: Path) -> dict[str, Any]:
        """The firedoor.toml that reaches all of it; the inventory of the keys is written into a folder."""
        entries = {
            key.credential.name: {**key.credential.model_dump(include=LISTED), "where": [_place(key)]}
            for key in self.providers.keys
        }
        inventory = folder / "inventory.yaml"
        inventory.write_text(json.dumps({"credentials": entries}))
        found: dict[str, Any] = {"inventory": str(inventory)}
        found["sinks.vault"] = {"base_url": self.vault.url, "token": _reference("vault", "token")}
        for name, values in self.providers.secrets.items():
            known = providers()[name].settings
            given = {key: _reference(name, key) if known[key].secret else value for key, value in values.items()}
            found[f"providers.{name}"] = {"base_url": self.providers.urls[name], **given}
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """The variables that it names."""
        values = {**self.providers.secrets, "vault": {"token": self.vault.token}}
        return {_variable(name, key): value for name, given in values.items() for key, value in given.items()}

    async def judged(self) -> Seen:
        """What the fakes saw. Raises `AssertionError` unless each place holds a new key that works, and no old one does."""
        seen = await self.providers.seen()
        async with self.vault.client() as client:
            held = {await _held(client, _path(key)) for key in self.measured}
        old = {key.value for key in self.measured}
        assert not old & seen.alive, f"{len(old & seen.alive)} old keys are alive"
        assert held <= seen.alive, f"{len(held - seen.alive)} places hold no key that works"
        assert len(held) == len(old), f"{len(held)} new keys for {len(old)} old ones"
        return seen


@dataclass(frozen=True, slots=True)
class Rotated:
    """A run: its seconds, and what the fakes saw."""

    seconds: float
    seen: Seen


def limits(scale: float = 1.0) -> dict[str, Limit]:
    """The limits that the contracts of the providers state; `scale` times as high in tests."""
    known = default_limits()
    return {name: Limit(rate=known[name].rate * scale, burst=known[name].burst) for name in KEYS}


def rotate_1000() -> Measured:
    """Under documented limits: the wall against the lower bound."""
    return asyncio.run(_limited())


def rotate_1000_lifted() -> Measured:
    """Without limits: the wall against the script's."""
    return asyncio.run(_lifted())


async def _limited() -> Measured:
    needed = (await by_script(KEYS)).seen.calls
    bound = lower_bound(needed, limits())
    runs = [await by_firedoor(KEYS, limits()) for _ in range(LIMITED_RUNS)]
    detail = {
        "lower_bound_s": bound,
        "wall_s": statistics.median(run.seconds for run in runs),
        "calls_needed": sum(needed.values()),
        "calls_sent": statistics.median(sum(run.seen.calls.values()) for run in runs),
        "calls_refused_429": max(run.seen.refused for run in runs),
        "keys": sum(KEYS.values()),
    }
    return Measured([run.seconds / bound for run in runs], detail)


async def _lifted() -> Measured:
    ours, theirs = list[Rotated](), list[Rotated]()
    for number in range(LIFTED_RUNS + 1):
        pair = await by_firedoor(KEYS, {}), await by_script(KEYS)
        if number:
            ours.append(pair[0])
            theirs.append(pair[1])
    detail = {
        "firedoor_s": statistics.median(run.seconds for run in ours),
        "script_s": statistics.median(run.seconds for run in theirs),
        "firedoor_calls": statistics.median(sum(run.seen.calls.values()) for run in ours),
        "script_calls": statistics.median(sum(run.seen.calls.values()) for run in theirs),
    }
    return Measured([one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True)], detail)


def lower_bound(calls: Mapping[str, int], limited: Mapping[str, Limit]) -> float:
    """The seconds that so many calls take at least: at the provider that takes longest, with its burst used up first."""
    return max((count - limited[name].burst) / limited[name].rate for name, count in calls.items())


async def by_firedoor(keys: Mapping[str, int], limited: Mapping[str, Limit]) -> Rotated:
    """Rotate so many keys of each provider by a runbook, in an installation of its own."""
    own = {f'limits."{name}"': limited.get(name, NONE).model_dump() for name in keys}
    async with asyncio.timeout(PATIENCE), staged(keys, limited) as stage:
        with tempfile.TemporaryDirectory() as folder:
            configuration = stage.configuration(Path(folder)) | own
            async with installed(configuration, stage.secrets) as site:
                plan = compile_runbook(RUNBOOK)
                await site.programs.watch(site.run(plan, {"places": [WARMING]}))
                await stage.providers.seen()
                start = time.perf_counter()
                await site.programs.watch(site.run(plan, {"places": [MEASURED]}))
                seconds = time.perf_counter() - start
        return Rotated(seconds, await stage.judged())


async def by_script(keys: Mapping[str, int]) -> Rotated:
    """Rotate them by the script, which counts its seconds itself."""
    async with asyncio.timeout(PATIENCE), staged(keys, {}) as stage:
        work = {
            "urls": stage.providers.urls,
            "secrets": stage.providers.secrets,
            "vault": {"url": stage.vault.url, "token": stage.vault.token},
            "keys": [key.credential.model_dump() | {"where": _place(key)} for key in stage.measured],
            "lanes": LANES,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.rotation_script",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate(json.dumps(work).encode() + b"\n")
        return Rotated(json.loads(said)["seconds"], await stage.judged())


@asynccontextmanager
async def staged(keys: Mapping[str, int], limited: Mapping[str, Limit]) -> AsyncGenerator[Stage]:
    """Fakes with keys, whose values lie in an OpenBao."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        programs = await stack.enter_async_context(Supervisor())
        vault = await _openbao(programs, Path(folder))
        made = await stack.enter_async_context(planted({name: 1 + count for name, count in keys.items()}, limited))
        async with vault.client() as client:
            for key in made.keys:
                body = {"data": {"value": key.value}}
                (await client.post(f"/v1/secret/data/{_path(key)}", json=body)).raise_for_status()
        yield Stage(made, vault)


async def _openbao(programs: Supervisor, folder: Path) -> Vault:
    port, token = free_port(), secrets.token_hex()
    binary = emulator_python().with_name("bao")
    command = (str(binary), "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}")
    environment = {"HOME": str(folder)}
    await programs.start(
        Program("openbao", (*command, "-dev-no-store-token"), folder / "openbao.log", environment, restarts=0)
    )
    vault = Vault(f"http://127.0.0.1:{port}", token)

    async def ready() -> bool:
        try:
            async with vault.client() as client:
                answer = await client.get("/v1/sys/mounts")
        except httpx.TransportError:
            return False
        return answer.is_success and "secret/" in answer.json()["data"]

    await programs.watch(until(ready))
    return vault


async def _held(client: httpx.AsyncClient, path: str) -> str:
    answer = (await client.get(f"/v1/secret/data/{path}")).raise_for_status()
    return str(answer.json()["data"]["data"]["value"])


def _first(key: Key) -> bool:
    return key.credential.name.endswith("-0000")


def _place(key: Key) -> str:
    return f"{WARMING if _first(key) else MEASURED}{key.credential.name}"


def _path(key: Key) -> str:
    return _place(key).partition("/")[2]


def _variable(name: str, setting: str) -> str:
    return f"FIREDOOR_SECRET_{name.upper()}_{setting.upper()}"


def _reference(name: str, setting: str) -> str:
    return f"env:{_variable(name, setting)}"
