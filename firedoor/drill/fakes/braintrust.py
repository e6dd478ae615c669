"""A fake of Braintrust: service tokens, keys of users, stored AI secrets and environment variables.

Judged by the official document (braintrustdata/braintrust-openapi, 2026-07-01) in the tests. POST on a name that exists
returns the old object, unchanged; only PUT and PATCH write.
"""

import datetime
import itertools
import uuid
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

ORGANIZATION = str(uuid.UUID(int=1))
ACCOUNT = str(uuid.UUID(int=2))
PROJECT = str(uuid.UUID(int=3))
BEGIN = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
KINDS = ("service_token", "api_key", "ai_secret", "env_var")
#: What is kept with an object and never shown.
HIDDEN = frozenset({"value", "secret"})


class FakeBraintrust(Fake):
    """One organization with one service account and one project."""

    name: ClassVar[str] = "braintrust"

    def __init__(self) -> None:
        super().__init__()
        self._ids, self._seconds = itertools.count(100), itertools.count()
        #: What the clock showed at first.
        self.begin = BEGIN
        self.objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.owner = str(self._add("service_token", "firedoor", service_account_id=ACCOUNT)["value"])
        self.route("GET", "/v1/project", lambda _: Said(data={"objects": []}))
        for kind in KINDS:
            self.route("GET", f"/v1/{kind}", self._list)
            self.route("GET", f"/v1/{kind}/{{id}}", self._get)
            self.route("DELETE", f"/v1/{kind}/{{id}}", self._delete)
        self.route("POST", "/v1/service_token", self._create_token)
        for kind in ("ai_secret", "env_var"):
            self.route("POST", f"/v1/{kind}", self._upsert)
            self.route("PUT", f"/v1/{kind}", self._upsert)
            self.route("PATCH", f"/v1/{kind}/{{id}}", self._patch)

    @property
    def secrets(self) -> dict[str, str]:
        """The service token of an organization owner."""
        return {"api_key": self.owner}

    def plant_credential(self, kind: str, name: str, scope: str = f"project/{PROJECT}") -> Planted:
        """A token, a key, or a secret of another provider that a customer stored; variables at a scope."""
        extra: dict[str, Any] = {"service_account_id": ACCOUNT} if kind == "service_token" else {}
        if kind == "env_var":
            extra = dict(zip(("object_type", "object_id"), scope.split("/"), strict=True))
        one = self._add(kind, name, **extra)
        scope = str(one.get("service_account_id") or (scope if kind == "env_var" else ""))
        return Planted(Credential(provider="braintrust", kind=kind, id=one["id"], scope=scope, name=name), one["value"])

    def alive(self, kind: str) -> set[str]:
        """What is accepted, or stored, now."""
        return {str(one["value"]) for one in self.objects[kind].values()} - {self.owner}

    def denied(self, asked: Asked) -> Said | None:
        """Any token or key reads; bodies of errors are plain text."""
        known = {one["value"] for kind in ("service_token", "api_key") for one in self.objects[kind].values()}
        return None if asked.bearer() in known else _text(401, "Invalid API key")

    def stored(self, kind: str, name: str) -> str:
        """The value that is stored under a name."""
        return next(str(one["value"]) for one in self.objects[kind].values() if one["name"] == name)

    def _add(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        with self.lock:
            one: dict[str, Any] = {"id": str(uuid.UUID(int=next(self._ids))), "name": name, "created": self._now()}
            one |= fields | {"value": fields.get("value") or canary("sk-bt-")}
            if kind in {"service_token", "api_key"}:
                one |= {"preview_name": "sk-…", "org_id": ORGANIZATION}
            if kind == "ai_secret":
                one |= {"org_id": ORGANIZATION}
            if kind in {"ai_secret", "env_var"}:
                one |= {"secret_updated_at": self._now(), "preview_secret": "****"}
            self.objects[kind][one["id"]] = one
            return one

    def _now(self) -> str:
        """Each reading a second later, so that every change has a time of its own."""
        return (self.begin + datetime.timedelta(seconds=next(self._seconds))).isoformat().replace("+00:00", "Z")

    def _list(self, asked: Asked) -> Said:
        kind = _kind(asked)
        name, after = asked.one(f"{kind}_name"), asked.one("starting_after")
        only, scope = asked.one("ids"), [(part, asked.one(part)) for part in ("object_type", "object_id")]
        found = [
            one
            for one in self.objects[kind].values()
            if name in ("", one["name"])
            and only in ("", one["id"])
            and all(wanted in ("", one.get(part)) for part, wanted in scope)
        ]
        begin = next((number for number, one in enumerate(found, 1) if one["id"] == after), 0) if after else 0
        page = found[begin : begin + int(asked.one("limit", "1000"))]
        return Said(data={"objects": [_shown(one) for one in page]})

    def _get(self, asked: Asked) -> Said:
        one = self.objects[_kind(asked)].get(asked.ids["id"])
        return Said(data=_shown(one)) if one else _text(400, "no such object")

    def _delete(self, asked: Asked) -> Said:
        one = self.objects[_kind(asked)].pop(asked.ids["id"], None)
        return Said(data=_shown(one)) if one else _text(400, "no such object")

    def _create_token(self, asked: Asked) -> Said:
        if asked.bearer() not in {one["value"] for one in self.objects["service_token"].values()}:
            return _text(403, "only a service token of an organization owner may create tokens")
        wanted = asked.json()
        if wanted["service_account_id"] != ACCOUNT:
            return _text(400, "no such service account")
        one = self._add("service_token", wanted["name"], service_account_id=ACCOUNT)
        return Said(data=_shown(one) | {"key": one["value"]})

    def _upsert(self, asked: Asked) -> Said:
        kind, wanted = _kind(asked), asked.json()
        scope = {key: wanted[key] for key in ("object_type", "object_id") if key in wanted}
        for one in self.objects[kind].values():
            if one["name"] == wanted["name"] and all(one[key] == value for key, value in scope.items()):
                return Said(data=_shown(one)) if asked.method == "POST" else self._write(one, wanted)
        value = wanted.get("secret") or wanted.get("value")
        rest = {key: wanted[key] for key in ("type", "metadata") if key in wanted}
        return Said(data=_shown(self._add(kind, wanted["name"], value=value, **scope, **rest)))

    def _patch(self, asked: Asked) -> Said:
        one = self.objects[_kind(asked)].get(asked.ids["id"])
        return self._write(one, asked.json()) if one else _text(400, "no such object")

    def _write(self, one: dict[str, Any], wanted: dict[str, Any]) -> Said:
        if value := wanted.get("secret") or wanted.get("value"):
            one |= {"value": value, "secret_updated_at": self._now()}
        one |= {key: wanted[key] for key in ("type", "metadata") if key in wanted}
        return Said(data=_shown(one))


def _kind(asked: Asked) -> str:
    return asked.path.split("/")[2]


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in HIDDEN}


def _text(status: int, words: str) -> Said:
    return Said(status, words.encode(), {"content-type": "text/plain"})
