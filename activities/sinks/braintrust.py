"""Braintrust's AI secrets and environment variables: written, never read.

API: https://www.braintrust.dev/docs/api-reference. POST on a name that exists changes nothing and answers 200, so
values are written by PATCH (or PUT, where there is none yet). What proves it is `secret_updated_at`, which must have
moved, and our mark in its metadata.
"""

import datetime
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from activities._http import Http, Request
from activities.sinks._sink import Held, Opening, required
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

MARK = "firedoor_rotation"


@dataclass(frozen=True, slots=True)
class BraintrustSink:
    """One stored secret. `kind` is `ai_secret` or `env_var`; `scope` the fields that say where, besides its name."""

    place: Place
    store: Store
    http: Http
    key: SecretStr
    kind: str
    name: str
    scope: dict[str, str]

    @property
    def reference(self) -> str:
        """As it was given."""
        return self.place.text

    def look(self) -> Held:
        """GET /v1/{kind} by name: when the secret last changed, and who changed it."""
        one = self._get()
        if one is None:
            return Held("")
        changed = str(one.get("secret_updated_at") or one.get("created") or one["id"])
        token = str((one.get("metadata") or {}).get(MARK, ""))
        return Held(changed, changed=_moment(changed), token=token)

    def held(self, token: str, expected: str) -> SecretStr | None:
        """Nobody can read a value back."""
        return None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Nothing: what is written is current at once."""

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """PATCH /v1/{kind}/{id}, or PUT where there is none; then the time of the change must have moved."""
        one = self._get()
        before = str((one or {}).get("secret_updated_at") or "")
        field = "secret" if self.kind == "ai_secret" else "value"
        metadata = dict((one or {}).get("metadata") or {}) | {MARK: token}
        body: dict[str, Any] = {"name": self.name, field: value.get_secret_value(), "metadata": metadata}
        if one is None:
            kind = {"ai_secret": "type", "env_var": "secret_type"}[self.kind]
            typed = {kind: self.place.options["type"]} if self.place.options.get("type") else {}
            self._send(Request("PUT", f"/v1/{self.kind}", json=body | self.scope | typed, secrets=[value]))
        else:
            template = f"/v1/{self.kind}/{{id}}"
            self._send(Request("PATCH", template, ids={"id": str(one["id"])}, json=body, secrets=[value]))
        after = self.look()
        if after.token != token or after.version in {"", before}:
            raise StepError(
                "not_stable",
                f"Braintrust took the new value of {self.name}, and does not say yet that it changed.",
                changed="It is not known whether it holds the new value.",
                next="firedoor tries again by itself.",
            )
        says = f"{self.name} changed at {after.version}; the value is never shown"
        return Evidence(source=f"braintrust:GET /v1/{self.kind}", says=says)

    def discard(self, token: str) -> None:
        """Nothing is staged."""

    def destroy(self, keep: str) -> Evidence | None:
        """Braintrust keeps one value."""
        return None

    def _get(self) -> dict[str, Any] | None:
        query: dict[str, Any] = {f"{self.kind}_name": self.name, **self.scope}
        found = self._send(Request("GET", f"/v1/{self.kind}", query=query))["objects"]
        wanted = {"name": self.name, **self.scope}
        return next((dict(one) for one in found if wanted.items() <= one.items()), None)

    def _send(self, request: Request) -> dict[str, Any]:
        bearer = {"Authorization": f"Bearer {self.key.get_secret_value()}"}
        data: dict[str, Any] = self.http.send(replace(request, headers=bearer)).data
        return data


def open_sink(opening: Opening) -> BraintrustSink:
    """`ai_secret/NAME`, or `env_var/OBJECT_TYPE/OBJECT_ID/NAME`."""
    kind, _, rest = opening.place.name.partition("/")
    scope: dict[str, str] = {}
    if kind == "env_var":
        object_type, object_id, rest = rest.split("/", 2)
        scope = {"object_type": object_type, "object_id": object_id}
    http, key = required(opening, "api_key")
    return BraintrustSink(opening.place, opening.store, http, key, kind, rest, scope)


def _moment(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
