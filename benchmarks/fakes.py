"""The providers' fakes in a process of their own, so that they share no interpreter with what is measured.

`python -m benchmarks.fakes` is told by a line of JSON on its input what to plant, and answers with one: where the fakes
are, what acts there, and the keys. Every further line is answered with what has happened since. It ends when its input
does.
"""

import asyncio
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from firedoor.config import Limit
from firedoor.drill.fakes import FAKES
from firedoor.drill.fakes._fake import Allowance, Fake
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.steps._step import Credential

#: What is rotated at each provider: what its API creates.
KINDS = {
    "openai": "service_account_key",
    "openrouter": "api_key",
    "twilio": "api_key",
    "braintrust": "service_token",
    "datadog": "api_key",
    "cloudflare": "user_token",
    "sendgrid": "api_key",
}
TOO_MANY = 429
#: Seconds, and connections, over which it is measured what a fake can serve.
SERVING = 2.0
CALLERS = 8


@dataclass(frozen=True, slots=True)
class Key:
    """A planted key, and its value."""

    credential: Credential
    value: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Calls by provider since the fakes were last asked, and how many of all were too many; the values that live."""

    calls: dict[str, int]
    refused: int
    alive: frozenset[str]


@dataclass(frozen=True, slots=True)
class Providers:
    """The fakes: their addresses and secrets by provider, and the keys that were planted, provider by provider."""

    process: asyncio.subprocess.Process
    urls: dict[str, str]
    secrets: dict[str, dict[str, str]]
    keys: list[Key]

    async def seen(self) -> Seen:
        """What has happened since the last time."""
        found = await _answered(self.process, {})
        return Seen(found["calls"], found["refused"], frozenset(found["alive"]))


@asynccontextmanager
async def planted(keys: Mapping[str, int], limits: Mapping[str, Limit]) -> AsyncGenerator[Providers]:
    """Fakes with so many keys each, which take only as many calls as `limits` says; without one, any number."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )
    try:
        asked = {"keys": dict(keys), "limits": {name: one.model_dump() for name, one in limits.items()}}
        found = await _answered(process, asked)
        made = [Key(Credential.model_validate(one["credential"]), one["value"]) for one in found["keys"]]
        yield Providers(process, found["urls"], found["secrets"], made)
    finally:
        process.kill()
        await process.wait()


async def served(key: Key, url: str) -> float:
    """Calls a second that a fake answers while nobody else has work: small reads, over a few connections, by no client.

    `key` is one of OpenAI, `url` where its fake is.
    """
    address = httpx.URL(url)
    call = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.value}\r\n\r\n".encode()
    end = time.perf_counter() + SERVING

    async def connection() -> int:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        count = 0
        while time.perf_counter() < end:
            writer.write(call)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            count += 1
        writer.close()
        return count

    return sum(await asyncio.gather(*(connection() for _ in range(CALLERS)))) / SERVING


async def _answered(process: asyncio.subprocess.Process, message: Mapping[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("the fakes have no pipes")
    process.stdin.write(json.dumps(message).encode() + b"\n")
    await process.stdin.drain()
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


def main() -> None:
    """Serve until the input ends."""
    asked = json.loads(sys.stdin.readline())
    with ExitStack() as stack:
        fakes = {name: stack.enter_context(FAKES[name]()) for name in asked["keys"]}
        keys = [_planted(fakes[name], number) for name, count in asked["keys"].items() for number in range(count)]
        for name, limit in asked["limits"].items():
            fakes[name].allowance = Allowance(**limit)
        _say({"urls": _each(fakes, "url"), "secrets": _each(fakes, "secrets"), "keys": keys})
        for _ in sys.stdin:
            _say(_seen(fakes))


def _planted(fake: Fake, number: int) -> dict[str, Any]:
    found = fake.plant_credential(KINDS[fake.name], f"{fake.name}-{number:04}")
    credential = found.credential
    if isinstance(fake, FakeOpenAI):
        # As an inventory has it: whose key it is, OpenAI's list tells.
        credential = credential.model_copy(update={"owner": fake.keys[credential.id].owner})
    return dataclasses.asdict(dataclasses.replace(found, credential=credential)) | {
        "credential": credential.model_dump()
    }


def _seen(fakes: Mapping[str, Fake]) -> dict[str, Any]:
    statuses = Counter(one.status for fake in fakes.values() for one in fake.log)
    alive = [value for fake in fakes.values() for value in fake.alive(KINDS[fake.name])]
    calls = {name: len(fake.log) for name, fake in fakes.items()}
    for fake in fakes.values():
        fake.log.clear()
    return {"calls": calls, "refused": statuses[TOO_MANY], "alive": alive}


def _each(fakes: Mapping[str, Fake], what: str) -> dict[str, Any]:
    return {name: getattr(fake, what) for name, fake in fakes.items()}


def _say(what: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
