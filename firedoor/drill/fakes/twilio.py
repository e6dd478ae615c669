"""A fake of Twilio: API keys of one account, and messages, which any key may list."""

import secrets as random
from base64 import b64decode
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

ACCOUNT = "AC" + "0" * 32
PLACE = f"/2010-04-01/Accounts/{ACCOUNT}"


class FakeTwilio(Fake):
    """One account."""

    name: ClassVar[str] = "twilio"

    def __init__(self) -> None:
        super().__init__()
        self.auth_tokens = {canary("tw")}
        self.keys: dict[str, dict[str, str]] = {}
        self.route("GET", f"{PLACE}/Messages.json", lambda _: Said(data={"messages": [], "next_page_uri": None}))
        self.route("GET", f"{PLACE}/Keys.json", self._list)
        self.route("POST", f"{PLACE}/Keys.json", self._create)
        self.route("GET", f"{PLACE}/Keys/{{key}}", self._get)
        self.route("DELETE", f"{PLACE}/Keys/{{key}}", self._delete)

    @property
    def secrets(self) -> dict[str, str]:
        """The account and its auth token."""
        return {"account": ACCOUNT, "auth_token": min(self.auth_tokens)}

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A standard key, or another auth token."""
        if kind == "auth_token":
            # It sorts behind firedoor's own.
            value = canary("tz")
            self.auth_tokens.add(value)
            return Planted(Credential(provider="twilio", kind=kind, name=name), value)
        key = self._add(name)
        return Planted(
            Credential(provider="twilio", kind=kind, id=key["sid"], name=name), f"{key['sid']}:{key['secret']}"
        )

    def alive(self, kind: str) -> set[str]:
        """What Twilio accepts now."""
        if kind == "auth_token":
            return self.auth_tokens - {min(self.auth_tokens)}
        return {f"{key['sid']}:{key['secret']}" for key in self.keys.values()}

    def denied(self, asked: Asked) -> Said | None:
        """Keys may list messages; the rest is for the auth token."""
        pair = b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode()
        user, _, password = pair.partition(":")
        if user == ACCOUNT and password in self.auth_tokens:
            return None
        if pair in self.alive("api_key") and asked.path.endswith("/Messages.json"):
            return None
        return Said(401, {"code": 20003, "message": "Authenticate", "status": 401})

    def _add(self, name: str) -> dict[str, str]:
        with self.lock:
            key = {"sid": f"SK{random.token_hex(16)}", "friendly_name": name, "secret": canary("")}
            self.keys[key["sid"]] = key
            return key

    def _list(self, asked: Asked) -> Said:
        size, number = int(asked.one("PageSize", "50")), int(asked.one("Page", "0"))
        found = [_shown(key) for key in self.keys.values()]
        more = f"{PLACE}/Keys.json?Page={number + 1}" if (number + 1) * size < len(found) else None
        return Said(data={"keys": found[number * size : (number + 1) * size], "next_page_uri": more})

    def _create(self, asked: Asked) -> Said:
        form = dict(part.split("=", 1) for part in asked.body.decode().split("&"))
        return Said(201, dict(self._add(form["FriendlyName"])))

    def _get(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"].removesuffix(".json"))
        return Said(data=_shown(key)) if key else Said(404, {"code": 20404, "message": "not found", "status": 404})

    def _delete(self, asked: Asked) -> Said:
        gone = self.keys.pop(asked.ids["key"].removesuffix(".json"), None)
        return Said(204) if gone else Said(404, {"code": 20404, "message": "not found", "status": 404})


def _shown(key: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "secret"}
