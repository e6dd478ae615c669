"""Doppler as a sink: one secret of a config, changed only if it still has the value that was read.

API: https://docs.doppler.com/reference/secrets-update. A write names the value that it expects (`originalValue`), and
is current at once. Which rotation wrote which value, and when, stands in a second secret next to it, changed in the
same call: Doppler itself tells no time, and whoever changes the value by hand leaves the mark. Doppler keeps a log of
the config by which a person can bring an old value back; nobody can take a value out of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from activities._http import Http, Reply, Request
from activities.providers._reading import fingerprint
from activities.sinks._sink import Held, Opening, required
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

SECRETS = "/v3/configs/config/secrets"


@dataclass(frozen=True, slots=True)
class DopplerSink:
    """One secret of one config."""

    place: Place
    store: Store
    http: Http
    key: SecretStr
    config: Mapping[str, str]
    name: str

    @property
    def reference(self) -> str:
        """As it was given."""
        return self.place.text

    @property
    def mark(self) -> str:
        """The secret that says which rotation wrote last."""
        return f"FIREDOOR_{self.name}"

    def look(self) -> Held:
        """GET …/secrets of the two names: the version is the value's fingerprint."""
        found = self._read()
        value = _computed(found, self.name)
        if not value:
            return Held("")
        print_ = fingerprint(SecretStr(value))
        token, changed = _marked(_computed(found, self.mark), print_)
        return Held(print_, SecretStr(value), changed, token)

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The value, if its mark is this token."""
        now = self.look()
        return now.value if now.token == token else None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Nothing is stored: what is written is current at once. Raises `conflict` where the write would."""
        self._expect(value, token, expected)

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """POST …/secrets with the value that it expects, read back."""
        found = self._expect(value, token, expected)
        if _computed(found, self.name) != value.get_secret_value():
            mark = f"{token} {fingerprint(value)} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            new = {self.name: value.get_secret_value(), self.mark: mark}
            changes = [_change(found, name, text) for name, text in new.items()]
            request = Request("POST", SECRETS, json={**self.config, "change_requests": changes}, secrets=[value])
            reply = self._send(replace(request, statuses={400, 409}))
            if reply.status in {400, 409}:
                self._expect(value, token, expected)
                raise StepError(
                    "conflict",
                    f"Doppler does not take the change of {self.reference} ({reply.status}).",
                    next="Look whether the config is locked or asks for a review, then retry the step.",
                )
        now = self.look()
        if now.value != value:
            raise StepError("not_stable", f"{self.reference} does not read back as it was written.")
        source = f"doppler:GET {SECRETS}"
        return Evidence(source=source, says=f"{self.reference} has the value {now.version}, read back")

    def discard(self, token: str) -> None:
        """Nothing is staged."""

    def destroy(self, keep: str) -> Evidence | None:
        """Doppler keeps no versions that consumers could get."""
        return None

    def _expect(self, value: SecretStr, token: str, expected: str) -> Mapping[str, Any]:
        """What is there, if it is what `expected` says or this rotation's own. Raises `conflict` otherwise."""
        found = self._read()
        raw, computed = str((found.get(self.name) or {}).get("raw") or ""), _computed(found, self.name)
        if raw != computed:
            raise StepError(
                "conflict",
                f"{self.reference} holds no value, but refers to other secrets.",
                next="Name the place where the value itself is.",
            )
        writer, _ = _marked(_computed(found, self.mark), fingerprint(value))
        ours = computed == value.get_secret_value() and writer == token
        if not ours and (fingerprint(SecretStr(computed)) if computed else "") != expected:
            raise StepError(
                "conflict",
                f"{self.reference} was changed by somebody else meanwhile.",
                next="Look who changed it in the config's log, then begin again.",
            )
        return found

    def _read(self) -> Mapping[str, Any]:
        query = {**self.config, "secrets": f"{self.name},{self.mark}"}
        found: Mapping[str, Any] = self._send(Request("GET", SECRETS, query=query)).data["secrets"]
        if self.name in found and (found[self.name] or {}).get("computed") is None:
            raise StepError(
                "permission_missing",
                f"Doppler does not show {self.reference} to the token that firedoor uses.",
                next="Its visibility is restricted: use a service token of the config, then retry the step.",
            )
        return found

    def _send(self, request: Request) -> Reply:
        headers = {"Authorization": f"Bearer {self.key.get_secret_value()}"}
        return self.http.send(replace(request, headers=headers, permission=self.store.permissions[0]))


def open_sink(opening: Opening) -> DopplerSink:
    """`PROJECT/CONFIG/NAME`."""
    project, config, name = opening.place.name.split("/")
    http, key = required(opening, "token")
    return DopplerSink(opening.place, opening.store, http, key, {"project": project, "config": config}, name)


def _computed(found: Mapping[str, Any], name: str) -> str:
    return str((found.get(name) or {}).get("computed") or "")


def _marked(mark: str, print_: str) -> tuple[str, datetime | None]:
    """The token in a mark, and when it was written; nothing where it speaks of another value."""
    token, _, rest = mark.partition(" ")
    of, _, when = rest.partition(" ")
    if of != print_:
        return "", None
    try:
        return token, datetime.fromisoformat(when)
    except ValueError:
        return token, None


def _change(found: Mapping[str, Any], name: str, text: str) -> dict[str, Any]:
    """One change; what exists is changed only if it still is what was read."""
    if name not in found:
        return {"name": name, "originalName": None, "value": text}
    return {"name": name, "originalName": name, "value": text, "originalValue": found[name]["raw"]}
