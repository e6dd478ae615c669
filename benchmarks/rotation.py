"""A thousand keys are rotated: by a runbook's `for_each`, over seven providers, into a real OpenBao.

`rotate_1000` keeps the limits that the contracts of the providers state, as their documents do; the fakes answer 429 to
whoever does not. It is measured against what no program can beat that keeps them: the calls that a rotation needs, less
the burst, at each provider's rate; the slowest provider counts. Each has as many keys as it can rotate in the time that
the others need, so that none of them may be kept waiting; and they stand as an inventory lists them, one provider after
the other. `rotate_1000_lifted` knows no limits, and is measured against `rotation_script`, interleaved.

What a rotation needs is counted, not claimed: it is what that script sends.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fakes import Key, Providers, Seen, planted, served
from benchmarks.installation import PATIENCE, ROOT, Installation, checked, installed
from benchmarks.measured import Measured
from benchmarks.openbao import Vault, openbao
from firedoor.compiler import compile_runbook
from firedoor.config import Limit, default_limits
from firedoor.plan import Plan
from firedoor.providers import providers

#: Keys by provider, a thousand in all: as many as each can rotate in the same time, by its limit and the calls that one
#: needs. But SendGrid lets an account have 100, and in the middle of its rotation a key is two.
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
#: Seconds between looks whether a rotation asks for a person.
LOOK = 5.0
LIMITED_RUNS = 3
LIFTED_RUNS = 5
#: More than anybody sends here.
LIFTED = Limit(rate=10_000, burst=10_000)
#: What an inventory says of a key, besides its place.
LISTED = {"provider", "kind", "id", "name", "scope", "owner"}

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
class Stage:
    """The fakes with their keys, and the OpenBao that holds their values. The first key of each provider warms up."""

    providers: Providers
    vault: Vault

    @property
    def measured(self) -> list[Key]:
        """The keys but those."""
        return [key for key in self.providers.keys if not _warms(key)]

    def configuration(self, folder: Path, limits: Mapping[str, Limit]) -> dict[str, Any]:
        """The firedoor.toml that reaches all of it; the inventory that lists the keys is written into `folder`."""
        inventory = folder / "inventory.yaml"
        entries = {key.credential.name: _entry(key) for key in self.providers.keys}
        inventory.write_text(json.dumps({"credentials": entries}))
        found: dict[str, Any] = {"inventory": str(inventory)}
        found["sinks.vault"] = {"base_url": self.vault.url, "token": f"env:{_variable('vault', 'token')}"}
        for name, values in self.providers.secrets.items():
            known = providers()[name].settings
            given = {
                key: f"env:{_variable(name, key)}" if known[key].secret else value for key, value in values.items()
            }
            found[f"providers.{name}"] = {"base_url": self.providers.urls[name], **given}
            found[f'limits."{name}"'] = limits.get(name, LIFTED).model_dump()
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """The variables that it names."""
        values = {**self.providers.secrets, "vault": {"token": self.vault.token}}
        return {_variable(name, key): value for name, given in values.items() for key, value in given.items()}

    async def judged(self) -> Seen:
        """What the fakes saw. Raises `AssertionError` unless each place holds a new key that lives; no old one may."""
        seen = await self.providers.seen()
        held = set(await self.vault.get(map(_path, self.measured)))
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

    @property
    def calls(self) -> int:
        """Calls of all providers."""
        return sum(self.seen.calls.values())


def rotate_1000() -> Measured:
    """Under documented limits: the wall over the lower bound, in three runs of some four minutes."""
    return asyncio.run(_limited())


def rotate_1000_lifted() -> Measured:
    """Without limits: the wall over the script's."""
    return asyncio.run(_lifted())


async def _limited() -> Measured:
    limits = {name: default_limits()[name] for name in KEYS}
    needed = await by_script(KEYS)
    bound = lower_bound(needed.seen.calls, limits)
    runs = [await by_firedoor(KEYS, limits) for _ in range(LIMITED_RUNS)]
    detail = {
        "wall_s": statistics.median(run.seconds for run in runs),
        "lower_bound_s": bound,
        "provider_calls_sent": statistics.median(run.calls for run in runs),
        "provider_calls_needed": needed.calls,
        "answered_429": max(run.seen.refused for run in runs),
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
        "firedoor_provider_calls": statistics.median(run.calls for run in ours),
        "script_provider_calls": statistics.median(run.calls for run in theirs),
        "provider_calls_per_s": statistics.median(run.calls / run.seconds for run in ours),
        "one_fake_alone_calls_per_s": await _capacity(),
    }
    return Measured([one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True)], detail)


async def _capacity() -> float:
    """What the fake of OpenAI can serve while it has as many keys as in a run."""
    async with planted({"openai": KEYS["openai"]}, {}) as made:
        return await served(made.keys[0], made.urls["openai"])


def lower_bound(calls: Mapping[str, int], limits: Mapping[str, Limit]) -> float:
    """The seconds that so many calls take at least: those of the slowest provider, which begins with its burst."""
    return max((count - limits[name].burst) / limits[name].rate for name, count in calls.items())


async def by_firedoor(keys: Mapping[str, int], limits: Mapping[str, Limit]) -> Rotated:
    """Rotate so many keys of each provider by a runbook, in an installation of its own."""
    async with asyncio.timeout(PATIENCE), staged(keys, limits) as stage:
        with tempfile.TemporaryDirectory() as folder:
            configuration = stage.configuration(Path(folder), limits)
            async with installed(configuration, stage.secrets) as site:
                plan = compile_runbook(RUNBOOK)
                await site.programs.watch(_run(site, plan, WARMING))
                await stage.providers.seen()
                start = time.perf_counter()
                await site.programs.watch(_run(site, plan, MEASURED))
                seconds = time.perf_counter() - start
        return Rotated(seconds, await stage.judged())


async def _run(site: Installation, plan: Plan, places: str) -> None:
    """Run the runbook. Raises `RuntimeError` as soon as a step waits for a person."""
    incident = await site.start(plan, {"places": [places]})
    ended = asyncio.create_task(site.engine.result(incident))
    while not (await asyncio.wait({ended}, timeout=LOOK))[0]:
        failures = [step.failure for step in (await site.engine.view(incident)).steps if step.failure]
        if failures:
            ended.cancel()
            raise RuntimeError(f"the rotation asks for a person: {failures}")
    checked(ended.result())


async def by_script(keys: Mapping[str, int]) -> Rotated:
    """Rotate them by the script, in a process of its own, which counts its seconds itself. It knows no limits."""
    async with asyncio.timeout(PATIENCE), staged(keys, {}) as stage:
        work = {
            "urls": stage.providers.urls,
            "secrets": stage.providers.secrets,
            "vault": {"url": stage.vault.url, "token": stage.vault.token},
            "keys": [key.credential.model_dump() | {"where": _place(key)} for key in stage.measured],
            "lanes": LANES,
        }
        command = (sys.executable, "-m", "benchmarks.rotation_script")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
        said, _ = await process.communicate(json.dumps(work).encode() + b"\n")
        return Rotated(json.loads(said)["seconds"], await stage.judged())


@asynccontextmanager
async def staged(keys: Mapping[str, int], limits: Mapping[str, Limit]) -> AsyncGenerator[Stage]:
    """Fakes with so many keys and one more each, whose values lie in an OpenBao."""
    counts = {name: 1 + count for name, count in keys.items()}
    with tempfile.TemporaryDirectory() as folder:
        async with openbao(Path(folder)) as vault, planted(counts, limits) as made:
            await vault.put({_path(key): key.value for key in made.keys})
            yield Stage(made, vault)


def _warms(key: Key) -> bool:
    return key.credential.name.endswith("-0000")


def _entry(key: Key) -> dict[str, Any]:
    return {**key.credential.model_dump(include=LISTED), "where": [_place(key)]}


def _place(key: Key) -> str:
    return f"{WARMING if _warms(key) else MEASURED}{key.credential.name}"


def _path(key: Key) -> str:
    return _place(key).partition("/")[2]


def _variable(name: str, setting: str) -> str:
    return f"FIREDOOR_SECRET_{name.upper()}_{setting.upper()}"
