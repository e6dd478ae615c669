"""A fake of Cloudflare's API tokens: of one user and of one account, with policies and a status."""

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

#: Cloudflare gives up to fifty a page; small ones make a client turn them.
PAGE = 2
ACCOUNT = "0acc0000000000000000000000000000"
EDIT_DNS = {"effect": "allow", "resources": {"com.cloudflare.api.account.zone.*": "*"}}
WRITABLE = frozenset({"name", "policies", "condition", "expires_on", "not_before", "status"})


@dataclass
class Token:
    """A token with its value; `account` is empty for a user's."""

    id: str
    account: str
    value: str
    data: dict[str, Any]


class FakeCloudflare(Fake):
    """One user, one account."""

    name: ClassVar[str] = "cloudflare"

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, Token] = {}
        self.own = self.plant("firedoor", "")
        #: Tokens that manage no tokens.
        self.weak: set[str] = set()
        for template in ("/client/v4/user/tokens", "/client/v4/accounts/{account}/tokens"):
            self.route("GET", f"{template}/verify", self._verify)
            self.route("GET", template, self._list)
            self.route("POST", template, self._create)
            self.route("GET", f"{template}/{{token}}", self._get)
            self.route("PUT", f"{template}/{{token}}", self._put)
            self.route("DELETE", f"{template}/{{token}}", self._delete)

    @property
    def secrets(self) -> dict[str, str]:
        """The token that firedoor works with."""
        return {"api_token": self.own.value}

    def plant(self, name: str, account: str, **parts: Any) -> Token:
        """A token that may edit DNS, or what its parts say."""
        with self.lock:
            data = {"name": name, "policies": [EDIT_DNS], "status": "active", **parts}
            token = Token(secrets.token_hex(16), account, canary(""), data)
            self.tokens[token.id] = token
            return token

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A token of the user, or of the account."""
        token = self.plant(name, ACCOUNT if kind == "account_token" else "")
        return Planted(
            Credential(provider="cloudflare", kind=kind, id=token.id, scope=token.account, name=name), token.value
        )

    def alive(self, kind: str) -> set[str]:
        """What Cloudflare accepts now."""
        account = ACCOUNT if kind == "account_token" else ""
        tokens = (one for one in self.tokens.values() if one.account == account and one is not self.own)
        return {one.value for one in tokens if one.data["status"] == "active"}

    def denied(self, asked: Asked) -> Said | None:
        """401 for a value that it does not know; 403 for one that may manage no tokens, or is disabled."""
        token = self._caller(asked)
        if token is None:
            return _no(401, 1000, "Invalid API Token")
        if asked.path.endswith("/verify"):
            return None if bool(token.account) == ("/accounts/" in asked.path) else _no(403, 9109, "Unauthorized")
        allowed = token.data["status"] == "active" and token.value not in self.weak
        return None if allowed else _no(403, 9109, "Unauthorized to access requested resource")

    def _caller(self, asked: Asked) -> Token | None:
        return next((one for one in self.tokens.values() if one.value == asked.bearer()), None)

    def _verify(self, asked: Asked) -> Said:
        token = self._caller(asked)
        return _yes({"id": token.id, "status": token.data["status"]}) if token else _no(401, 1000, "Invalid API Token")

    def _list(self, asked: Asked) -> Said:
        found = [one for one in self.tokens.values() if one.account == asked.ids.get("account", "")]
        begin = (int(asked.one("page", "1")) - 1) * PAGE
        return _yes([_shown(one) for one in found[begin : begin + PAGE]])

    def _create(self, asked: Asked) -> Said:
        wanted = asked.json()
        if not wanted.get("name") or not wanted.get("policies") or not WRITABLE.issuperset(wanted):
            return _no(400, 1001, "Invalid token definition")
        token = self.plant(account=asked.ids.get("account", ""), **wanted)
        return _yes(_shown(token) | {"value": token.value})

    def _get(self, asked: Asked) -> Said:
        token = self._of(asked)
        return _yes(_shown(token)) if token else _no(404, 1003, "Token not found")

    def _put(self, asked: Asked) -> Said:
        token, wanted = self._of(asked), asked.json()
        if token is None:
            return _no(404, 1003, "Token not found")
        if not wanted.get("name") or not wanted.get("policies") or not WRITABLE.issuperset(wanted):
            return _no(400, 1001, "Invalid token definition")
        token.data = {"status": "active", **wanted}
        return _yes(_shown(token))

    def _delete(self, asked: Asked) -> Said:
        token = self._of(asked)
        if token is None:
            return _no(404, 1003, "Token not found")
        del self.tokens[token.id]
        return _yes({"id": token.id})

    def _of(self, asked: Asked) -> Token | None:
        token = self.tokens.get(asked.ids["token"])
        return token if token and token.account == asked.ids.get("account", "") else None


def _shown(token: Token) -> dict[str, Any]:
    return {"id": token.id, "issued_on": "2026-11-01T00:00:00Z", "modified_on": "2026-11-01T00:00:00Z", **token.data}


def _yes(result: Any) -> Said:
    return Said(data={"success": True, "errors": [], "messages": [], "result": result})


def _no(status: int, code: int, message: str) -> Said:
    errors = [{"code": code, "message": message}]
    return Said(status, {"success": False, "errors": errors, "messages": [], "result": None})
