"""Vault and OpenBao, KV version 2, through hvac: written with check-and-set, and old versions destroyed.

API: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2. A secret is a map: only our field is changed. Which
rotation writes next, and the fingerprint of its value, stand in the secret's custom metadata before the value is
written, so that a later attempt knows its own value again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, RateLimitExceeded, Unauthorized, VaultError
from pydantic import SecretStr

from activities._guard import refuse_change
from activities.providers._reading import fingerprint
from activities.sinks._sink import Held, Opening, required
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

TOKEN, PRINT = "firedoor_rotation", "firedoor_fingerprint"
#: Seconds.
TIMEOUT = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VaultSink:
    """One field of one secret."""

    place: Place
    store: Store
    client: hvac.Client
    mount: str
    path: str

    @property
    def reference(self) -> str:
        """Without a version: where the value is now, and will be."""
        options = "&".join(f"{name}={value}" for name, value in self.place.options.items())
        return f"{self.place.scheme}:{self.place.name}" + (f"?{options}" if options else "")

    @property
    def field(self) -> str:
        """The field that holds the value."""
        return self.place.options.get("field", "value")

    def look(self) -> Held:
        """The version that the reference names, or the current one."""
        return self._read(self.place.version)[0]

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The current value, if the metadata says that this rotation wrote it."""
        marks = self._metadata().get("custom_metadata") or {}
        if marks.get(TOKEN) != token:
            return None
        value = self._read("")[0].value
        return value if value is not None and marks.get(PRINT) == fingerprint(value) else None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Say in the custom metadata who writes next; consumers do not see that."""
        about = self._metadata()
        self._refuse_moved(str(about.get("current_version") or ""), token, expected)
        custom = dict(about.get("custom_metadata") or {}) | {TOKEN: token, PRINT: fingerprint(value)}
        self._write("metadata", lambda kv: kv.update_metadata(custom_metadata=custom, **self._where))

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """Write the map with our field in it, with check-and-set on the version from before; read it back."""
        now, secret = self._read("")
        if now.value != value:
            self._refuse_moved(now.version, token, expected)
            changed = secret | {self.field: value.get_secret_value()}
            at = int(expected or self._metadata().get("current_version") or 0)
            try:
                self._write("data", lambda kv: kv.create_or_update_secret(secret=changed, cas=at, **self._where))
            except CheckAndSetError:
                raise self._moved(self._read("")[0].version, expected) from None
            now, _ = self._read("")
        if now.value != value:
            raise StepError(
                "not_stable",
                f"{self.reference} does not read back with the new value.",
                changed="The new value was written; what consumers get is not known.",
                next="firedoor tries again by itself.",
            )
        return Evidence(source="vault:read data", says=f"version {now.version} of {self.reference} reads back")

    def discard(self, token: str) -> None:
        """Nothing of value is staged: the metadata names a fingerprint only."""

    def destroy(self, keep: str) -> Evidence | None:
        """Destroy every version but one, and read that they are."""
        old = [int(version) for version, one in self._versions().items() if version != keep and not one["destroyed"]]
        if old:
            self._write("destroy", lambda kv: kv.destroy_secret_versions(versions=old, **self._where))
        left = [version for version, one in self._versions().items() if version != keep and not one["destroyed"]]
        if left:
            raise StepError("not_stable", f"{self.reference} still has old versions: {', '.join(left)}.")
        return Evidence(source="vault:read metadata", says=f"of {self.reference} only version {keep} is not destroyed")

    @property
    def _where(self) -> dict[str, str]:
        return {"path": self.path, "mount_point": self.mount}

    def _versions(self) -> Mapping[str, Mapping[str, Any]]:
        versions: Mapping[str, Mapping[str, Any]] = self._metadata().get("versions") or {}
        return versions

    def _metadata(self) -> Mapping[str, Any]:
        answer = self._call("read metadata", lambda kv: kv.read_secret_metadata(**self._where))
        return answer["data"] if answer else {}

    def _read(self, version: str) -> tuple[Held, dict[str, Any]]:
        """What a version holds, and the whole map."""
        wanted = {"version": int(version)} if version.isdigit() else {}
        answer = self._call(
            "read data",
            lambda kv: kv.read_secret_version(raise_on_deleted_version=False, **self._where, **wanted),
        )
        if not answer:
            return Held(""), {}
        data, about = answer["data"]["data"] or {}, answer["data"]["metadata"]
        found = data.get(self.field)
        value = SecretStr(str(found)) if found else None
        return Held(str(about["version"]), value, datetime.fromisoformat(about["created_time"][:19] + "+00:00")), data

    def _refuse_moved(self, found: str, token: str, expected: str) -> None:
        if found != expected and self.held(token, expected) is None:
            raise self._moved(found, expected)

    def _moved(self, found: str, expected: str) -> StepError:
        return StepError(
            "conflict",
            f"Somebody else changed {self.reference}: it is at version {found or '(none)'}, "
            f"not at {expected or '(none)'} as before.",
            changed="The secret keeps the value that they gave it.",
            next="Look at it, then retry the step: it starts from the value that is there now.",
        )

    def _write(self, what: str, call: Callable[[Any], T]) -> T | None:
        refuse_change(f"vault:write {what}")
        return self._call(f"write {what}", call)

    def _call(self, what: str, call: Callable[[Any], T]) -> T | None:
        """Call, and turn what goes wrong into sentences; None where there is no such secret."""
        try:
            return call(self.client.secrets.kv.v2)
        except InvalidPath:
            return None
        except InvalidRequest as error:
            if "check-and-set" in str(error):
                raise CheckAndSetError from None
            raise StepError("invalid_arguments", f"Vault refused to {what} {self.reference}.", next=POLICY) from None
        except (Forbidden, Unauthorized):
            what = f"The token of [sinks.vault] may not {what} {self.reference}, or has run out."
            raise StepError("permission_missing", what, next=POLICY) from None
        except requests.exceptions.SSLError:
            what = "What answers for [sinks.vault] shows a certificate that firedoor has no reason to trust."
            raise StepError("invalid_arguments", what, next=AUTHORITY) from None
        except RateLimitExceeded:
            raise StepError("throttled", "Vault is throttling firedoor.") from None
        except (VaultError, requests.RequestException) as error:
            what = f"Vault did not {what} {self.reference}: {type(error).__name__}."
            raise StepError("unreachable", what, next="Look whether it is sealed, or not to be reached.") from None


POLICY = "docs/reference/sinks.md lists what its policy must allow."
AUTHORITY = "If it has an authority of its own, name the file with its certificate (PEM) as ca_file there."


class CheckAndSetError(Exception):
    """Somebody else wrote first."""


def open_sink(opening: Opening) -> VaultSink:
    """`MOUNT/PATH`; the mount is the first part unless an option names it."""
    http, token = required(opening, "token")
    mount, _, path = opening.place.name.partition("/")
    if given := opening.place.options.get("mount"):
        mount, path = given, opening.place.name.removeprefix(f"{given}/")
    client = hvac.Client(
        url=opening.settings["base_url"],
        token=token.get_secret_value(),
        namespace=opening.settings.get("namespace") or None,
        timeout=TIMEOUT,
        session=http.session,
        allow_redirects=False,
    )
    return VaultSink(opening.place, opening.store, client, mount, path)
