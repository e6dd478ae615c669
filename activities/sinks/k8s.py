"""Kubernetes as a sink: one key of a Secret, patched only if the Secret still is what was read.

API: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/. A merge patch names
the `resourceVersion` that was read, and is refused (409) if the Secret has another one; it carries our key and our
annotation, nothing else. The annotation says which rotation wrote the key, and when: values have no time of their own.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from activities._http import Http, Reply, Request, plain
from activities.providers._reading import fingerprint
from activities.sinks._sink import Held, Opening, required
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

SECRETS = "/api/v1/namespaces/{namespace}/secrets"
SECRET = f"{SECRETS}/{{name}}"
MARK = "firedoor.local/rotations"
#: Others may change other keys of the Secret while we write: then it is read again.
TRIES = 5
CONFLICT, INVALID, MISSING = 409, 422, 404


@dataclass(frozen=True, slots=True)
class K8sSink:
    """One key of one Secret."""

    place: Place
    store: Store
    http: Http
    token: SecretStr
    namespace: str
    name: str

    @property
    def reference(self) -> str:
        """As it was given."""
        return self.place.text

    @property
    def key(self) -> str:
        """The key of its data that holds the value."""
        return self.place.options["key"]

    def look(self) -> Held:
        """GET …/secrets/{name}: the version is the value's fingerprint, the time that of the rotation that wrote it."""
        return self._held(self._read())

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The value, if the annotation says that this rotation wrote it."""
        found = self._read()
        now = self._held(found)
        return now.value if self._author(found, now) == token else None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Nothing is stored: the write is tried as a dry run, so that what would refuse it does so now."""
        self._write(value, token, expected, dry=True)

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """Patch the key, read back; POST where there is no such Secret."""
        self._write(value, token, expected, dry=False)
        found = self._read() or {}
        now = self._held(found)
        if now.value != value:
            raise StepError(
                "not_stable",
                f"{self.reference} does not read back as it was written.",
                changed="The new value was written; what pods get is not known.",
                next="firedoor tries again by itself.",
            )
        says = (
            f"{self.reference} has the value {now.version}, read back at resourceVersion "
            f"{_about(found)['resourceVersion']}; pods that have it in an environment variable keep the old value "
            "until they are started again"
        )
        return Evidence(source=f"k8s:GET {SECRET}", says=says)

    def discard(self, token: str) -> None:
        """Nothing is staged."""

    def destroy(self, keep: str) -> Evidence | None:
        """Kubernetes keeps one value."""
        return None

    def _write(self, value: SecretStr, token: str, expected: str, *, dry: bool) -> None:
        """Write the key unless it is written. Raises `conflict`; `busy` if the Secret changes all the time."""
        for _ in range(TRIES):
            found = self._read()
            now = self._held(found)
            ours = self._author(found, now) == token
            if ours and now.value == value:
                return
            if not ours and now.version != expected:
                raise self._conflict(
                    "was changed by somebody else meanwhile",
                    "Look who changed it (the Secret's managedFields say by what), then begin again.",
                )
            if found and found.get("immutable"):
                raise self._conflict(
                    "is immutable: nobody can change a value of that Secret",
                    "Make a new Secret under another name and have the pods use that one, or delete it and make it "
                    "again without `immutable: true`. Then begin again, with the place that it is now.",
                )
            reply = self._sent(found, value, token, dry=dry)
            if reply.status == INVALID:
                raise self._invalid(reply)
            if reply.status not in {CONFLICT, MISSING}:
                return
        raise StepError(
            "busy", f"{self.reference} was changed by others {TRIES} times while firedoor was about to write it."
        )

    def _sent(self, found: Mapping[str, Any] | None, value: SecretStr, token: str, *, dry: bool) -> Reply:
        """Send the write; 409 and 404 mean that the Secret is not the one that was found."""
        encoded = b64encode(value.get_secret_value().encode()).decode()
        marks = self._marks(found) | {self.key: {"rotation": token, "fingerprint": fingerprint(value), "at": _now()}}
        about = {"annotations": {MARK: json.dumps(marks, sort_keys=True)}}
        query = {"fieldManager": "firedoor", **({"dryRun": "All"} if dry else {})}
        body: dict[str, Any] = {"data": {self.key: encoded}}
        if found is None:
            whole = {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                **body,
                "metadata": {"name": self.name, **about},
            }
            request = Request("POST", SECRETS, json=whole, permission="create of secrets", statuses={CONFLICT, INVALID})
        else:
            known = {"resourceVersion": _about(found)["resourceVersion"], **about}
            request = Request(
                "PATCH",
                SECRET,
                json={**body, "metadata": known},
                headers={"Content-Type": "application/merge-patch+json"},
                permission="patch of secrets",
                statuses={CONFLICT, INVALID, MISSING},
            )
        secrets = (value, SecretStr(encoded))
        return self._send(replace(request, query=query, reads=dry, secrets=secrets))

    def _read(self) -> Mapping[str, Any] | None:
        """The Secret; None where there is none, or no such namespace: a GET does not tell them apart."""
        reply = self._send(Request("GET", SECRET, permission="get of secrets", statuses={MISSING}))
        found: Mapping[str, Any] = reply.data
        return None if reply.status == MISSING else found

    def _held(self, found: Mapping[str, Any] | None) -> Held:
        encoded = ((found or {}).get("data") or {}).get(self.key)
        if not encoded:
            return Held("")
        try:
            value = SecretStr(b64decode(encoded).decode())
        except ValueError:
            raise StepError(
                "invalid_arguments",
                f"{self.reference} holds bytes that are no text, so they are no credential.",
                next="Name the key that holds the credential.",
            ) from None
        version, mark = fingerprint(value), self._marks(found).get(self.key, {})
        return Held(version, value, _moment(mark.get("at")) if mark.get("fingerprint") == version else None)

    def _author(self, found: Mapping[str, Any] | None, now: Held) -> str:
        """The rotation that wrote the value which is there now; empty if somebody else did."""
        mark = self._marks(found).get(self.key, {})
        return str(mark.get("rotation", "")) if now.version and mark.get("fingerprint") == now.version else ""

    def _marks(self, found: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
        """Key → which rotation wrote it. What somebody else made of the annotation counts for nothing."""
        text = (_about(found or {}).get("annotations") or {}).get(MARK, "{}")
        try:
            marks = json.loads(text)
        except ValueError:
            return {}
        return {key: one for key, one in marks.items() if isinstance(one, dict)} if isinstance(marks, dict) else {}

    def _conflict(self, what: str, next_: str) -> StepError:
        return StepError("conflict", f"{self.reference} {what}.", changed="The Secret is as it was.", next=next_)

    def _invalid(self, reply: Reply) -> StepError:
        """What is wrong, by its field. The server's own sentence may hold the whole Secret, and is not shown."""
        causes = (reply.data.get("details") or {}).get("causes") or [{}]
        fields = ", ".join(plain(str(one.get("field", "?"))) for one in causes)
        return StepError(
            "invalid_arguments",
            f"Kubernetes does not accept the change of {self.reference}: {fields[:100]} is not valid.",
            next="Look whether the name and the key are right.",
        )

    def _send(self, request: Request) -> Reply:
        ids = {"namespace": self.namespace, "name": self.name}
        bearer = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        return self.http.send(replace(request, ids=ids, headers={**request.headers, **bearer}))


def open_sink(opening: Opening) -> K8sSink:
    """`NAMESPACE/NAME`, and `?key=`."""
    namespace, name = opening.place.name.split("/")
    http, token = required(opening, "token")
    return K8sSink(opening.place, opening.store, http, token, namespace, name)


def _about(found: Mapping[str, Any]) -> Mapping[str, Any]:
    about: Mapping[str, Any] = found.get("metadata") or {}
    return about


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
