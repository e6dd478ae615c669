"""What firedoor's rotation is measured against: a script with asyncio and httpx, and nothing else that it has.

It makes the calls that a rotation needs which promises the same: the old value is the one that works; the new key can
do what the old one can, is accepted before anybody gets it, and is written only over what was there; after that the old
one is revoked, unless it is the one that the script itself works with, and is refused. Nothing is recorded, and a crash
loses what it was at.

`python -m benchmarks.rotation_script` is told what to do by a line of JSON on its input, and answers with its seconds.
"""

import asyncio
import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx

from worker import NICE

#: What of an old key at OpenRouter limits the new one.
LIMITS = ("limit", "limit_reset", "include_byok_in_limit", "creator_user_id", "workspace_id")
#: What of an old token at Cloudflare makes the new one.
PARTS = ("name", "policies", "condition", "expires_on", "not_before")
#: Scopes that SendGrid gives by itself.
IMPLIED = frozenset({"2fa_required", "sender_verification_eligible"})
TOKENS = "/client/v4/user/tokens"

#: At once to one host.
CONNECTIONS = 8

Headers = dict[str, str]
Old = Mapping[str, str]


@dataclass
class Provider:
    """One provider: its address, and the secrets with which the script acts there."""

    client: httpx.AsyncClient
    url: str
    secrets: Mapping[str, str]

    async def create(self, old: Old, name: str) -> str:
        """A new key that can do what the old one can: its value."""
        raise NotImplementedError

    async def life(self, value: str) -> str:
        """What the provider says of a value."""
        raise NotImplementedError

    async def revoke(self, old: Old) -> None:
        """Make the old one useless."""
        raise NotImplementedError

    async def done(self, method: str, path: str, headers: Headers, **sent: Any) -> Any:
        """What a call is answered that must succeed."""
        answer = (await self.client.request(method, self.url + path, headers=headers, **sent)).raise_for_status()
        return answer.json() if answer.content else None

    async def tried(self, path: str, headers: Headers) -> str:
        """`live` or `dead`, or the status that is neither."""
        status = (await self.client.get(self.url + path, headers=headers)).status_code
        return {200: "live", 401: "dead", 403: "dead"}.get(status, str(status))


class OpenAI(Provider):
    """Keys of service accounts: the account is replaced."""

    @property
    def _own(self) -> Headers:
        return _bearer(self.secrets["admin_key"])

    async def create(self, old: Old, name: str) -> str:
        """One call."""
        path = f"/v1/organization/projects/{old['scope']}/service_accounts"
        return str((await self.done("POST", path, self._own, json={"name": name}))["api_key"]["value"])

    async def life(self, value: str) -> str:
        """One call."""
        return await self.tried("/v1/models", _bearer(value))

    async def revoke(self, old: Old) -> None:
        """One call."""
        path = f"/v1/organization/projects/{old['scope']}/service_accounts/{old['owner']}"
        await self.done("DELETE", path, self._own)


class OpenRouter(Provider):
    """Keys with limits, disabled."""

    @property
    def _own(self) -> Headers:
        return _bearer(self.secrets["management_key"])

    async def create(self, old: Old, name: str) -> str:
        """Two calls: what limits the old one limits the new one."""
        key = (await self.done("GET", f"/api/v1/keys/{old['id']}", self._own))["data"]
        body = {"name": name, **{part: key[part] for part in LIMITS if key.get(part) is not None}}
        return str((await self.done("POST", "/api/v1/keys", self._own, json=body))["key"])

    async def life(self, value: str) -> str:
        """One call."""
        return await self.tried("/api/v1/key", _bearer(value))

    async def revoke(self, old: Old) -> None:
        """One call."""
        await self.done("PATCH", f"/api/v1/keys/{old['id']}", self._own, json={"disabled": True})


class Twilio(Provider):
    """API keys of an account."""

    @property
    def _own(self) -> Headers:
        return _basic(f"{self.secrets['account']}:{self.secrets['auth_token']}")

    @property
    def _place(self) -> str:
        return f"/2010-04-01/Accounts/{self.secrets['account']}"

    async def create(self, old: Old, name: str) -> str:
        """One call."""
        made = await self.done("POST", f"{self._place}/Keys.json", self._own, data={"FriendlyName": name})
        return f"{made['sid']}:{made['secret']}"

    async def life(self, value: str) -> str:
        """One call."""
        return await self.tried(f"{self._place}/Messages.json?PageSize=1", _basic(value))

    async def revoke(self, old: Old) -> None:
        """One call."""
        await self.done("DELETE", f"{self._place}/Keys/{old['id']}.json", self._own)


class Braintrust(Provider):
    """Tokens of a service account."""

    @property
    def _own(self) -> Headers:
        return _bearer(self.secrets["api_key"])

    async def create(self, old: Old, name: str) -> str:
        """One call."""
        body = {"name": name, "service_account_id": old["scope"]}
        return str((await self.done("POST", "/v1/service_token", self._own, json=body))["key"])

    async def life(self, value: str) -> str:
        """One call."""
        return await self.tried("/v1/project?limit=1", _bearer(value))

    async def revoke(self, old: Old) -> None:
        """One call."""
        await self.done("DELETE", f"/v1/service_token/{old['id']}", self._own)


class Datadog(Provider):
    """API keys. Whether one of them is the script's own, only its value tells."""

    @property
    def _own(self) -> Headers:
        return {"DD-API-KEY": self.secrets["api_key"], "DD-APPLICATION-KEY": self.secrets["application_key"]}

    async def create(self, old: Old, name: str) -> str:
        """One call."""
        body = {"data": {"type": "api_keys", "attributes": {"name": name}}}
        made = await self.done("POST", "/api/v2/api_keys", self._own, json=body)
        return str(made["data"]["attributes"]["key"])

    async def life(self, value: str) -> str:
        """One call."""
        return await self.tried("/api/v1/validate", {"DD-API-KEY": value})

    async def revoke(self, old: Old) -> None:
        """Two calls."""
        path = f"/api/v2/api_keys/{old['id']}"
        key = (await self.done("GET", path, self._own))["data"]["attributes"]
        assert not self.secrets["api_key"].endswith(key["key"])
        await self.done("DELETE", path, self._own)


@dataclass
class Cloudflare(Provider):
    """Tokens with policies, disabled. A token is replaced as a whole, so it is read right before."""

    own: asyncio.Task[Any] | None = None

    @property
    def _own(self) -> Headers:
        return _bearer(self.secrets["api_token"])

    async def create(self, old: Old, name: str) -> str:
        """Two calls."""
        token = (await self.done("GET", f"{TOKENS}/{old['id']}", self._own))["result"]
        made = await self.done("POST", TOKENS, self._own, json=_parts(token) | {"name": name})
        return str(made["result"]["value"])

    async def life(self, value: str) -> str:
        """One call: a disabled token may still ask what it is."""
        status = (await self.done("GET", f"{TOKENS}/verify", _bearer(value)))["result"]["status"]
        return {"active": "live", "disabled": "dead"}.get(status, str(status))

    async def revoke(self, old: Old) -> None:
        """Two calls, and once in all the one that tells which token is the script's own."""
        path = f"{TOKENS}/{old['id']}"
        self.own = self.own or asyncio.create_task(self.done("GET", f"{TOKENS}/verify", self._own))
        assert (await self.own)["result"]["id"] != old["id"]
        token = (await self.done("GET", path, self._own))["result"]
        await self.done("PUT", path, self._own, json=_parts(token) | {"status": "disabled"})


class SendGrid(Provider):
    """Keys with scopes."""

    @property
    def _own(self) -> Headers:
        return _bearer(self.secrets["api_key"])

    async def create(self, old: Old, name: str) -> str:
        """Two calls: the scopes are the old key's."""
        key = await self.done("GET", f"/v3/api_keys/{old['id']}", self._own)
        body = {"name": name, "scopes": [scope for scope in key["scopes"] if scope not in IMPLIED]}
        return str((await self.done("POST", "/v3/api_keys", self._own, json=body))["api_key"])

    async def life(self, value: str) -> str:
        """One call."""
        return await self.tried("/v3/scopes", _bearer(value))

    async def revoke(self, old: Old) -> None:
        """One call."""
        await self.done("DELETE", f"/v3/api_keys/{old['id']}", self._own)


PROVIDERS: dict[str, type[Provider]] = {
    "openai": OpenAI,
    "openrouter": OpenRouter,
    "twilio": Twilio,
    "braintrust": Braintrust,
    "datadog": Datadog,
    "cloudflare": Cloudflare,
    "sendgrid": SendGrid,
}


@dataclass
class Vault:
    """The sink: KV version 2."""

    client: httpx.AsyncClient
    url: str
    token: str

    async def read(self, path: str) -> tuple[str, int]:
        """The value of a secret, and its version."""
        found = await self._call("GET", f"data/{path}")
        return str(found["data"]["value"]), int(found["metadata"]["version"])

    async def replace(self, path: str, value: str, version: int) -> None:
        """Write over the version that is expected only, and read it back."""
        await self._call("POST", f"data/{path}", {"options": {"cas": version}, "data": {"value": value}})
        assert (await self.read(path))[0] == value

    async def mark(self, path: str, mark: str) -> None:
        """Say who writes next."""
        await self._call("POST", f"metadata/{path}", {"custom_metadata": {"rotation": mark}})

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"X-Vault-Token": self.token}
        answer = await self.client.request(method, f"{self.url}/v1/secret/{path}", headers=headers, json=body)
        return answer.raise_for_status().json()["data"] if answer.content else None


async def rotate(provider: Provider, vault: Vault, old: Old) -> None:
    """One key, the new one first."""
    path, name = old["where"].partition("/")[2], f"{old['name']}-new"
    value, version = await vault.read(path)
    # That a value is refused in the end says something only of one that was accepted.
    assert await provider.life(value) == "live"
    new = await provider.create(old, name)
    await vault.mark(path, name)
    assert await provider.life(new) == "live"
    await vault.replace(path, new, version)
    await provider.revoke(old)
    assert await provider.life(value) == "dead"


async def run(work: Mapping[str, Any]) -> float:
    """Rotate every key, so many at a time; returns the seconds from the first call to the last."""
    async with AsyncExitStack() as stack:

        async def client() -> httpx.AsyncClient:
            # One for each host, of few connections: httpx looks at all of a client's before each call.
            pool = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
            return await stack.enter_async_context(httpx.AsyncClient(trust_env=False, limits=pool, timeout=60))

        vault = Vault(await client(), work["vault"]["url"], work["vault"]["token"])
        providers = {
            name: PROVIDERS[name](await client(), url, work["secrets"][name]) for name, url in work["urls"].items()
        }
        queue = iter(work["keys"])
        start = time.perf_counter()

        async def lane() -> None:
            for old in queue:
                await rotate(providers[old["provider"]], vault, old)

        async with asyncio.TaskGroup() as lanes:
            for _ in range(work["lanes"]):
                lanes.create_task(lane())
        return time.perf_counter() - start


def main() -> None:
    """Do as told; as nice as the worker of mass work."""
    os.nice(NICE)
    sys.stdout.write(json.dumps({"seconds": asyncio.run(run(json.loads(sys.stdin.readline())))}) + "\n")


def _parts(token: Mapping[str, Any]) -> dict[str, Any]:
    return {part: token[part] for part in PARTS if token.get(part) is not None}


def _bearer(value: str) -> Headers:
    return {"Authorization": f"Bearer {value}"}


def _basic(pair: str) -> Headers:
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


if __name__ == "__main__":
    main()
