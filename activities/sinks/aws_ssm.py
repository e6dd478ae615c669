"""AWS Parameter Store: a SecureString, overwritten in one call.

API: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html. It has no compare-and-swap:
the version is looked at right before, and read back after. Which rotation wrote a version stands in its description,
because that goes with the value in the same call. Old versions stay in its history, which nobody can delete from.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from activities.aws.accounts import Answer, Service
from activities.sinks._sink import Held, Opening
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

MARK = re.compile(r" ?\[firedoor ([0-9a-f-]+)\]")
#: The longest description that AWS takes.
ROOM = 1024


@dataclass(frozen=True, slots=True)
class ParameterSink:
    """One parameter."""

    place: Place
    store: Store
    ssm: Service

    @property
    def reference(self) -> str:
        """Without a version: where the value is now, and will be."""
        options = "&".join(f"{name}={value}" for name, value in self.place.options.items())
        return f"{self.place.scheme}:{self.place.name}" + (f"?{options}" if options else "")

    def look(self) -> Held:
        """GetParameter, of the version that the reference names if it names one."""
        return self._held(self._get(self.place.version))

    def held(self, token: str, expected: str) -> SecretStr | None:
        """GetParameterHistory: the value of the version with our mark."""
        answer = self.ssm.optional("GetParameter", Name=self.place.name, WithDecryption=False)
        if answer is None:
            return None
        found, _ = self.ssm.pages("GetParameterHistory", "Parameters", Name=self.place.name, WithDecryption=True)
        ours = [one for one in found if _token(one) == token]
        return SecretStr(str(ours[-1]["Value"])) if ours else None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Nothing can be staged; that it still holds what it held is looked at before the new one is tried."""
        self._refuse_moved(token, expected)

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """PutParameter with the type, key and description that it has, then GetParameter."""
        described = self._refuse_moved(token, expected)
        if _token(described) != token:
            words = MARK.sub("", str(described.get("Description") or ""))
            mark = f" [firedoor {token}]"
            kept = {key: described[key] for key in ("Type", "KeyId", "Tier") if described.get(key)} or {
                "Type": "SecureString"
            }
            put = {"Description": f"{words[: ROOM - len(mark)]}{mark}".strip(), "Overwrite": bool(described), **kept}
            self.ssm("PutParameter", Name=self.place.name, Value=value.get_secret_value(), **put)
        answer = self._get("")
        now = self._held(answer)
        if answer is None or now.value is None or not _same(now.value, value):
            raise StepError(
                "not_stable",
                f"The parameter {self.place.name} does not read back with the new value.",
                changed="The new value was written; what consumers get is not known.",
                next="firedoor tries again by itself.",
            )
        return answer.evidence(f"version {now.version} of {self.place.name} is current and reads back")

    def discard(self, token: str) -> None:
        """Nothing is staged."""

    def destroy(self, keep: str) -> Evidence | None:
        """AWS has no call that deletes one version: the history keeps the dead value."""
        return None

    def _refuse_moved(self, token: str, expected: str) -> dict[str, Any]:
        """What DescribeParameters says of it; empty where there is none. Raises `conflict` if somebody changed it."""
        wanted = [{"Key": "Name", "Option": "Equals", "Values": [self.place.name]}]
        found, _ = self.ssm.pages("DescribeParameters", "Parameters", ParameterFilters=wanted)
        described: dict[str, Any] = found[0] if found else {}
        version = str(described.get("Version") or "")
        if version == expected or _token(described) == token:
            return described
        raise StepError(
            "conflict",
            f"Somebody else changed {self.place.name}: it is at version {version or '(none)'}, "
            f"not at {expected or '(none)'} as before.",
            changed="The parameter keeps the value that they gave it.",
            next="Look at it, then retry the step: it starts from the value that is there now.",
        )

    def _get(self, version: str) -> Answer | None:
        name = f"{self.place.name}:{version}" if version else self.place.name
        return self.ssm.optional("GetParameter", Name=name, WithDecryption=True)

    def _held(self, answer: Answer | None) -> Held:
        if answer is None:
            return Held("")
        found = answer["Parameter"]
        return Held(str(found["Version"]), SecretStr(str(found["Value"])), found.get("LastModifiedDate"))


def open_sink(opening: Opening) -> ParameterSink:
    """The parameter of a name."""
    options = opening.place.options
    ssm = opening.aws.service("ssm", options.get("account", ""), options.get("region", ""))
    return ParameterSink(opening.place, opening.store, ssm)


def _token(described: dict[str, Any]) -> str:
    found = MARK.search(str(described.get("Description") or ""))
    return found[1] if found else ""


def _same(one: SecretStr, other: SecretStr) -> bool:
    return hmac.compare_digest(one.get_secret_value().encode(), other.get_secret_value().encode())
