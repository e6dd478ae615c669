"""What a sink's module looks like: a place that holds the value of a credential, and how a new one gets into it.

A module has one function, `open_sink`, and one class. The order is always: `look`, `stage`, (the value is verified,)
`promote`; `discard` takes back what was staged; `destroy` removes the versions that hold a leak. Any of them may be
interrupted and is then asked again, with the same token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from activities._http import Http
from activities.aws.accounts import Accounts
from activities.providers._provider import Secrets
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store


@dataclass(frozen=True, slots=True)
class Held:
    """What a place holds now. `version` changes with every change of the value; empty where there is none yet.

    `value` is None where there is none, or where the store never shows values. `changed` is when it last changed;
    `made` when this value was written, where the store tells the two apart: a new tag changes a secret as well.
    `token` is that of the rotation which wrote it, where a store that never shows values can keep such a mark.
    """

    version: str
    value: SecretStr | None = field(default=None, repr=False)
    changed: datetime | None = None
    token: str = ""
    made: datetime | None = None


class Sink(Protocol):
    """One place for one value. `token` is the rotation's own, the same in every attempt."""

    @property
    def reference(self) -> str:
        """What a credential's `where` says of it."""
        ...

    @property
    def store(self) -> Store:
        """What kind of place it is."""
        ...

    def look(self) -> Held:
        """What it holds. Reads. Raises `not_found` where the place itself does not exist and cannot be made."""
        ...

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The value that an earlier attempt with this token stored or staged here; None if there is none. Reads.

        `expected` is the version from before the first attempt.
        """
        ...

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Store the value where consumers do not see it yet. Does nothing where the store has no such thing.

        Raises `conflict` if the place no longer holds version `expected`.
        """
        ...

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """Make it the value that consumers get, if the place still holds `expected`, and read it back.

        Done already is no error. Raises `conflict` where somebody else changed it, `not_stable` where it does not read
        back. Where values cannot be read, the evidence says so.
        """
        ...

    def discard(self, token: str) -> None:
        """Take back what was staged. Nothing staged is no error."""
        ...

    def destroy(self, keep: str) -> Evidence | None:
        """Destroy every version but `keep`, or say (None) that the store keeps none. Where it cannot, it raises."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """What a sink's module may use. `settings` are those of `[sinks.SCHEME]`; `http` is there if it has a base_url."""

    place: Place
    store: Store
    settings: Mapping[str, str]
    secrets: Secrets
    aws: Accounts
    http: Http | None = None


def required(opening: Opening, setting: str) -> tuple[Http, SecretStr]:
    """The client of a store, and the secret with which it lets us in. Raises `credentials_missing`."""
    store = opening.store
    if opening.http is None:
        raise _lacking(store, "base_url", f"the address of {store.title}", "https://…")
    if not opening.settings.get(setting):
        name = f"FIREDOOR_SECRET_{store.scheme.upper().replace('-', '_')}_{setting.upper()}"
        raise _lacking(store, setting, store.settings[setting].description, f"env:{name}")
    return opening.http, opening.secrets(opening.settings[setting])


def _lacking(store: Store, setting: str, what: str, example: str) -> StepError:
    return StepError(
        "credentials_missing",
        f"firedoor is not told how to act at {store.title}: {setting} is missing. It is: {what}.",
        next=f'Add it to firedoor.toml and restart the worker:\n[sinks.{store.scheme}]\n{setting} = "{example}"',
    )


class SinkModule(Protocol):
    """One kind of sink: a module in `activities/sinks`."""

    def open_sink(self, opening: Opening, /) -> Sink:
        """The sink of a place. Sends nothing yet."""
        ...
