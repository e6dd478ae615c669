"""A fake of GCP Secret Manager: secrets with etags, versions in a row, checksums, destruction now or later.

Judged by Google's discovery document `secretmanager.v1` in the tests.
"""

import base64
import datetime
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._google import PROJECT, FakeOfGoogle, no, page, stamp

GLOBAL = "/v1/projects/{project}/secrets/{secret}"
REGIONAL = "/v1/projects/{project}/locations/{location}/secrets/{secret}"
LARGEST = 65_536
#: The real ones are larger.
PAGE = 3


@dataclass
class Version:
    """A version with its data, None once that is destroyed."""

    number: int
    data: bytes | None
    created: datetime.datetime
    state: str = "ENABLED"
    scheduled: datetime.datetime | None = None


@dataclass
class Secret:
    """A secret. `keeps` is how many seconds a version that was destroyed can still be brought back."""

    path: str
    annotations: dict[str, str] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    keeps: int = 0
    etag: str = field(default_factory=lambda: f'"{secrets.token_hex(6)}"')

    def add(self, data: bytes) -> Version:
        """One more version."""
        made = Version(len(self.versions) + 1, data, datetime.datetime.now(datetime.UTC))
        self.versions.append(made)
        return made

    @property
    def latest(self) -> str | None:
        """What consumers get who read `latest`; None where they get an error."""
        newest = self.versions[-1] if self.versions else None
        if newest is None or newest.data is None or newest.state != "ENABLED":
            return None
        return newest.data.decode(errors="replace")


class FakeSecretManager(FakeOfGoogle):
    """One project. `held` are its secrets by name."""

    name: ClassVar[str] = "gcp-sm"

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Secret] = {}
        #: What somebody else does right before the next version arrives.
        self.meanwhile: Callable[[Secret], object] | None = None
        #: Calls that firedoor may not make: a method and the end of a path.
        self.forbidden: tuple[str, str] | None = None
        self.damaged = False
        for path in (GLOBAL, REGIONAL):
            self.route("GET", path, self._with(self._get))
            self.route("PATCH", path, self._with(self._patch))
            self.route("POST", f"{path}:addVersion", self._with(self._add))
            self.route("GET", f"{path}/versions", self._with(self._list))
            self.route("GET", path + "/versions/{version}:access", self._with(self._access))
            self.route("GET", path + "/versions/{version}", self._with(self._version))
            self.route("POST", path + "/versions/{version}:destroy", self._with(self._destroy))

    def keep(self, name: str, *values: str, location: str = "") -> Secret:
        """A secret with these versions."""
        where = f"/locations/{location}" if location else ""
        made = Secret(f"projects/{PROJECT}{where}/secrets/{name}")
        for value in values:
            made.add(value.encode())
        self.held[name] = made
        return made

    def denied(self, asked: Asked) -> Said | None:
        """401 for a token that it never gave, 403 for what firedoor may not do."""
        if self.forbidden and asked.method == self.forbidden[0] and asked.path.endswith(self.forbidden[1]):
            return no(403, "PERMISSION_DENIED", "Permission denied for resource.")
        return super().denied(asked)

    def _with(self, handler: Callable[[Secret, Asked], Said]) -> Callable[[Asked], Said]:
        def found(asked: Asked) -> Said:
            secret = self.held.get(asked.ids["secret"])
            location = asked.ids.get("location", "")
            if (
                secret is None
                or asked.ids["project"] != PROJECT
                or (f"/locations/{location}/" in secret.path) != bool(location)
            ):
                return no(404, "NOT_FOUND", f"Secret [{asked.path}] not found.")
            return handler(secret, asked)

        return found

    def _get(self, secret: Secret, asked: Asked) -> Said:
        return Said(data=_shown_secret(secret))

    def _patch(self, secret: Secret, asked: Asked) -> Said:
        wanted = asked.json()
        if wanted.get("etag", secret.etag) != secret.etag:
            return no(400, "FAILED_PRECONDITION", "The etag does not match.")
        if asked.one("updateMask") != "annotations":
            return no(400, "INVALID_ARGUMENT", "Only annotations are known here.")
        secret.annotations = dict(wanted.get("annotations") or {})
        secret.etag = f'"{secrets.token_hex(6)}"'
        return Said(data=_shown_secret(secret))

    def _add(self, secret: Secret, asked: Asked) -> Said:
        payload = asked.json()["payload"]
        data = base64.b64decode(payload["data"])
        if payload.get("dataCrc32c") not in {None, str(_checksum(data))}:
            return no(400, "INVALID_ARGUMENT", "The data does not match its checksum.")
        if not data or len(data) > LARGEST:
            return no(400, "INVALID_ARGUMENT", "Secret payload must not be empty or larger than 64 KiB.")
        if self.meanwhile:
            self.meanwhile(secret)
            self.meanwhile = None
        made = secret.add(data)
        return Said(data=_shown_version(secret, made) | {"clientSpecifiedPayloadChecksum": "dataCrc32c" in payload})

    def _list(self, secret: Secret, asked: Asked) -> Said:
        newest_first: list[Mapping[str, Any]] = [_shown_version(secret, one) for one in reversed(secret.versions)]
        said = page(asked, newest_first, "versions", PAGE)
        return Said(data={**said.data, "totalSize": len(newest_first)})

    def _version(self, secret: Secret, asked: Asked) -> Said:
        version = _chosen(secret, asked)
        return Said(data=_shown_version(secret, version)) if version else _absent()

    def _access(self, secret: Secret, asked: Asked) -> Said:
        version = _chosen(secret, asked)
        if version is None:
            return _absent()
        if version.state != "ENABLED" or version.data is None:
            return no(400, "FAILED_PRECONDITION", f"Secret Version is in {version.state} state.")
        data = base64.b64encode(version.data).decode()
        checksum = _checksum(version.data) + self.damaged
        name = _shown_version(secret, version)["name"]
        return Said(data={"name": name, "payload": {"data": data, "dataCrc32c": str(checksum)}})

    def _destroy(self, secret: Secret, asked: Asked) -> Said:
        version = _chosen(secret, asked)
        if version is None:
            return _absent()
        if secret.keeps:
            version.state = "DISABLED"
            version.scheduled = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=secret.keeps)
        else:
            version.state, version.data = "DESTROYED", None
        return Said(data=_shown_version(secret, version))


def _chosen(secret: Secret, asked: Asked) -> Version | None:
    wanted = asked.ids["version"]
    number = len(secret.versions) if wanted == "latest" else int(wanted) if wanted.isdigit() else 0
    return next((one for one in secret.versions if one.number == number), None)


def _shown_secret(secret: Secret) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": secret.path,
        "replication": {"automatic": {}},
        "createTime": "2026-11-01T00:00:00Z",
        "etag": secret.etag,
    }
    return shown | ({"annotations": secret.annotations} if secret.annotations else {})


def _shown_version(secret: Secret, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": f"{secret.path}/versions/{version.number}",
        "createTime": stamp(version.created),
        "state": version.state,
        "etag": f'"{version.number}-{version.state}"',
        "replicationStatus": {"automatic": {}},
    }
    return shown | ({"scheduledDestroyTime": stamp(version.scheduled)} if version.scheduled else {})


def _checksum(data: bytes) -> int:
    """CRC32C, bit by bit."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def _absent() -> Said:
    return no(404, "NOT_FOUND", "Secret Version not found.")
