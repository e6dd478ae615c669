"""A client with a token, for the calls of the API that need no Temporal."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from firedoor.config import Settings
from firedoor.server.tokens import Scope, Tokens


@dataclass(frozen=True)
class Asking:
    """Asks with a token of the scopes that are named."""

    client: httpx.AsyncClient
    settings: Settings

    async def answer(self, method: str, path: str, scopes: Sequence[Scope], **rest: Any) -> httpx.Response:
        """The answer, whatever it is."""
        name = secrets.token_hex(4)
        _, value = Tokens(self.settings.tokens_path).create(name, f"system:{name}", scopes, timedelta(days=1))
        headers = {"authorization": f"Bearer {value.get_secret_value()}"} | rest.pop("headers", {})
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **rest)

    async def get(self, path: str, *scopes: Scope) -> Any:
        """What can be looked at; it must succeed."""
        answer = await self.answer("GET", path, scopes)
        assert answer.is_success, answer.text
        return answer.json()

    async def refused(self, status: int, method: str, path: str, *scopes: Scope, **rest: Any) -> dict[str, str]:
        """The error of a call."""
        answer = await self.answer(method, path, scopes, **rest)
        assert answer.status_code == status, answer.text
        error: dict[str, str] = answer.json()["error"]
        return error
