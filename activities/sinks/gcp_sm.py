"""GCP Secret Manager as a sink: versions, of which the newest is what consumers get by the name `latest`.

API: https://cloud.google.com/secret-manager/docs/reference/rest. A version is added without any condition and without
an id of the request, so each try adds one: the newest is looked at first. Which rotation writes, and the fingerprints
of its values, stand in annotations of the secret before the value is added; their change is a compare-and-swap by etag.
The numbers of versions follow each other: a gap shows who added one at the same moment.
"""

import base64
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from activities._http import Http, Reply, Request
from activities.google_account import SETTING, send_as
from activities.providers._reading import MOST_PAGES, fingerprint, moment
from activities.sinks._sink import Held, Opening, required
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

TOKEN, PRINTS = "firedoor-rotation", "firedoor-fingerprints"
#: It becomes a part of a host's name.
LOCATION = re.compile(r"[a-z]{2,20}-[a-z]{2,20}[0-9]{1,2}")
#: How many values of one rotation are known again.
MOST_PRINTS = 100


@dataclass(frozen=True, slots=True)
class SecretManagerSink:
    """One secret."""

    place: Place
    store: Store
    http: Http
    key: SecretStr
    host: str
    path: str
    ids: Mapping[str, str]

    @property
    def reference(self) -> str:
        """Without a version: where the value is now, and will be."""
        options = "&".join(f"{name}={value}" for name, value in self.place.options.items())
        return f"{self.place.scheme}:{self.place.name}" + (f"?{options}" if options else "")

    def look(self) -> Held:
        """The version that the reference names, or the newest one, in any state; a value only if it is enabled."""
        version = self._version(self.place.version) if self.place.version else self._newest()
        return self._held(version)

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The newest value, if the annotations say that it is one of this rotation's."""
        marks = self._secret().get("annotations") or {}
        value = self._held(self._newest()).value if marks.get(TOKEN) == token else None
        return value if value is not None and fingerprint(value) in _prints(marks) else None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Say in the annotations who writes next, and what; consumers do not see that."""
        self._refuse_moved(token, expected)
        secret = self._secret()
        marks = dict(secret.get("annotations") or {})
        prints = _prints(marks) if marks.get(TOKEN) == token else []
        if fingerprint(value) in prints:
            return
        marks |= {TOKEN: token, PRINTS: " ".join([*prints, fingerprint(value)][-MOST_PRINTS:])}
        body = {"annotations": marks, "etag": secret["etag"]}
        reply = self._send(
            Request("PATCH", self.path, query={"updateMask": "annotations"}, json=body, statuses={400}),
            "secretmanager.secrets.update",
        )
        if reply.status == 400:
            raise StepError(
                "busy",
                f"Somebody else changed the settings of {self.reference} at the same moment.",
                next="firedoor tries again by itself.",
            )

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """Add it as the newest version, unless it is that already, and read it back."""
        if self.held(token, expected) != value:
            self._refuse_moved(token, expected)
            self._refuse_taken(token)
            self._add(value)
        self._make_way(token, expected)
        now = self._held(self._newest())
        if now.value != value:
            raise StepError(
                "not_stable",
                f"{self.reference} does not read back with the new value.",
                changed="The new value was added; what consumers get is not known.",
                next="firedoor tries again by itself.",
            )
        source = "gcp-sm:GET versions:access"
        return Evidence(source=source, says=f"version {now.version} of {self.reference} is the newest and reads back")

    def discard(self, token: str) -> None:
        """Nothing of value is staged: the annotations name fingerprints only."""

    def destroy(self, keep: str) -> Evidence | None:
        """Destroy every version before one, and read that they are. Raises `not_stable` where one is not."""
        for version in self._older(keep):
            self._destroy(version)
        left = self._older(keep)
        delayed = [one for one in left if one.get("scheduledDestroyTime")]
        if len(left) > len(delayed):
            numbers = ", ".join(_number(one) for one in left if one not in delayed)
            raise StepError("not_stable", f"{self.reference} still has old versions: {numbers}.")
        says = f"of {self.reference} no version before {keep} can be read"
        if delayed:
            until = max(moment(one["scheduledDestroyTime"]) for one in delayed)
            numbers = ", ".join(_number(one) for one in delayed)
            says += f"; {numbers} are disabled and will be destroyed by {until}, because the secret delays that"
        return Evidence(source="gcp-sm:GET versions", says=says)

    def _add(self, value: SecretStr) -> None:
        data = value.get_secret_value().encode()
        payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))}
        secrets = [value, SecretStr(payload["data"])]
        request = Request("POST", f"{self.path}:addVersion", json={"payload": payload}, secrets=secrets)
        self._send(request, "secretmanager.versions.add")

    def _destroy(self, version: Mapping[str, Any]) -> None:
        template = f"{self.path}/versions/{{version}}:destroy"
        request = Request("POST", template, ids={"version": _number(version)}, json={})
        self._send(request, "secretmanager.versions.destroy")

    def _make_way(self, token: str, expected: str) -> None:
        """Whoever added a version between `expected` and ours meant theirs: make it the newest again, and say so."""
        prints = _prints(self._secret().get("annotations") or {})
        added = self._versions(after=expected)
        # One that cannot be read has no consumers.
        held = [(one.version, one.value) for one in map(self._held, added[1:]) if one.value is not None]
        theirs = [(version, value) for version, value in held if fingerprint(value) not in prints]
        if not theirs:
            return
        version, value = theirs[0]
        self._add(value)
        self._destroy(added[0])
        raise StepError(
            "conflict",
            f"Somebody else added version {version} to {self.reference} at the same moment as firedoor the next one.",
            changed="Their value is the newest again and firedoor's destroyed; for a moment consumers could get that.",
            next="Look at it, then retry the step: it starts from the value that is there now.",
        )

    def _refuse_taken(self, token: str) -> None:
        """Raise `conflict` where another rotation has said since that it writes next."""
        if (self._secret().get("annotations") or {}).get(TOKEN) != token:
            raise StepError(
                "conflict",
                f"Another rotation of firedoor writes {self.reference} now.",
                next="Look whether two incidents rotate the same credential, then retry the step.",
            )

    def _refuse_moved(self, token: str, expected: str) -> None:
        newest = self._newest()
        found = _number(newest) if newest else ""
        if found == expected or self.held(token, expected) is not None:
            return
        raise StepError(
            "conflict",
            f"Somebody else changed {self.reference}: it is at version {found or '(none)'}, "
            f"not at {expected or '(none)'} as before.",
            changed="The secret keeps the value that they gave it.",
            next="Look at it, then retry the step: it starts from the value that is there now.",
        )

    def _held(self, version: Mapping[str, Any] | None) -> Held:
        if version is None:
            return Held("")
        number, enabled = _number(version), version.get("state") == "ENABLED"
        return Held(number, self._value(number) if enabled else None, _moment(version.get("createTime")))

    def _value(self, number: str) -> SecretStr | None:
        """What a version holds. Raises `not_stable` where it arrives damaged, `conflict` for what is no text."""
        request = Request("GET", f"{self.path}/versions/{{version}}:access", ids={"version": number}, statuses={400})
        reply = self._send(request, "secretmanager.versions.access")
        if reply.status == 400:
            # Disabled or destroyed since it was listed.
            return None
        payload = reply.data.get("payload") or {}
        data = base64.b64decode(payload.get("data") or "")
        if payload.get("dataCrc32c") not in {None, str(crc32c(data))}:
            raise StepError("not_stable", f"Version {number} of {self.reference} arrived damaged (CRC32C).")
        try:
            return SecretStr(data.decode()) if data else None
        except UnicodeDecodeError:
            raise StepError(
                "conflict",
                f"Version {number} of {self.reference} holds bytes, no text.",
                next="Name the place of a text.",
            ) from None

    def _newest(self) -> Mapping[str, Any] | None:
        """None where there is none yet. Raises `not_found` where there is no secret."""
        return next(iter(self._page({"pageSize": 1}).get("versions") or ()), None)

    def _version(self, number: str) -> Mapping[str, Any] | None:
        request = Request("GET", f"{self.path}/versions/{{version}}", ids={"version": number}, statuses={404})
        reply = self._send(request, "secretmanager.versions.get")
        return reply.data if reply.status != 404 else None

    def _versions(self, after: str) -> Sequence[Mapping[str, Any]]:
        """Those that were added after one, the newest first."""
        found: list[Mapping[str, Any]] = []
        token = ""
        for _ in range(MOST_PAGES):
            page = self._page({"pageToken": token} if token else {})
            found += page.get("versions") or ()
            token = page.get("nextPageToken") or ""
            if not token or int(_number(found[-1])) <= int(after or 0):
                break
        return [one for one in found if int(_number(one)) > int(after or 0)]

    def _older(self, keep: str) -> Sequence[Mapping[str, Any]]:
        """Those before one that are not destroyed."""
        return [
            one for one in self._versions("") if int(_number(one)) < int(keep or 0) and one.get("state") != "DESTROYED"
        ]

    def _page(self, query: Mapping[str, Any]) -> Mapping[str, Any]:
        request = Request("GET", f"{self.path}/versions", query=query, statuses={404})
        reply = self._send(request, "secretmanager.versions.list")
        if reply.status == 404:
            raise self._absent()
        page: Mapping[str, Any] = reply.data or {}
        return page

    def _secret(self) -> Mapping[str, Any]:
        reply = self._send(Request("GET", self.path, statuses={404}), "secretmanager.secrets.get")
        if reply.status == 404:
            raise self._absent()
        secret: Mapping[str, Any] = reply.data
        return secret

    def _absent(self) -> StepError:
        project, _, name = self.place.name.partition("/")
        return StepError(
            "not_found",
            f"There is no secret {name} in the project {project}, or firedoor may not see it.",
            next=f"Check the name; or make it: gcloud secrets create {name} --project={project}. Then retry the step.",
        )

    def _send(self, request: Request, permission: str) -> Reply:
        ids = {**self.ids, **request.ids}
        return send_as(self.http, self.key, self.host, replace(request, ids=ids, permission=permission))


def open_sink(opening: Opening) -> SecretManagerSink:
    """`PROJECT/SECRET`. Raises `invalid_arguments` for a location that is none."""
    http, key = required(opening, SETTING)
    project, _, secret = opening.place.name.partition("/")
    ids = {"project": project, "secret": secret}
    location = opening.place.options.get("location", "")
    host, path = "secretmanager", "/v1/projects/{project}/secrets/{secret}"
    if location:
        if not LOCATION.fullmatch(location):
            raise StepError(
                "invalid_arguments",
                f"{location[:60]!r} is no location of Google: nothing was sent.",
                next="It looks like europe-west1.",
            )
        ids |= {"location": location}
        host, path = f"secretmanager.{location}.rep", "/v1/projects/{project}/locations/{location}/secrets/{secret}"
    return SecretManagerSink(opening.place, opening.store, http, key, host, path, ids)


def _number(version: Mapping[str, Any]) -> str:
    return str(version["name"]).rpartition("/")[2]


def _prints(marks: Mapping[str, Any]) -> list[str]:
    """The fingerprints of the values of the rotation that the annotations name."""
    return str(marks.get(PRINTS) or "").split()


def _moment(text: Any) -> datetime.datetime | None:
    found = moment(text)
    return datetime.datetime.fromisoformat(found) if found else None


def crc32c(data: bytes) -> int:
    """The checksum that Secret Manager takes (RFC 3720, polynomial 0x1EDC6F41)."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = _TABLE[(remainder ^ byte) & 0xFF] ^ (remainder >> 8)
    return remainder ^ 0xFFFFFFFF


def _row(number: int) -> int:
    for _ in range(8):
        number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
    return number


_TABLE = tuple(_row(number) for number in range(256))
