"""A door for alerts as the server opens it: its source, and what it is locked with."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import SecretStr

from firedoor.alerts import SOURCES, Lock, Source, _sns, generic, splunk
from firedoor.config import Settings
from firedoor.doors import AlertDoor
from firedoor.errors import UsageError
from firedoor.server.secrets import read
from firedoor.words import plural

#: Sources whose senders can neither sign nor set a header: the secret may stand in the address, `/hooks/NAME/SECRET`.
BY_PATH = frozenset({splunk.NAME})
#: How the source is told the rest of the address. No sender may set it, and it is not stored.
PATH_HEADER = splunk.PATH


@dataclass(frozen=True, slots=True)
class Door:
    """One door. `kind` is the name of its source; `by_path` says that the secret may stand in the address."""

    name: str
    kind: str
    source: Source
    secrets: tuple[SecretStr, ...] = field(repr=False)
    topics: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    by_path: bool = False

    def lock(self, certificate: Callable[[str], bytes]) -> Lock:
        """What a delivery has to open at this moment."""
        return Lock(
            now=datetime.now(UTC),
            secrets=self.secrets,
            topics=self.topics,
            options=self.options,
            certificate=certificate,
        )

    def locked_with(self) -> str:
        """How it is locked, for a person."""
        by_sns = [f"SNS's signature, for {', '.join(self.topics)}"] if self.topics else []
        return " or ".join(by_sns + ([plural(len(self.secrets), "secrets")] if self.secrets else []))


def open_doors(settings: Settings) -> dict[str, Door]:
    """Every door of the settings by its name. Raises `UsageError` with all that is wrong with them."""
    doors: dict[str, Door] = {}
    wrong: list[str] = []
    for name, given in settings.alerts.items():
        try:
            doors[name] = open_door(name, given, settings.secret_environment)
        except UsageError as error:
            wrong.append(f"[alerts.{name}]: {error.what} {error.next}")
    if wrong:
        raise UsageError(
            "\n".join(wrong),
            changed="No door was opened.",
            next="Correct firedoor.toml: docs/how-to/server.md has an example of each kind of door.",
        )
    return doors


def open_door(name: str, given: AlertDoor, variables: Mapping[str, str]) -> Door:
    """One door. Raises `UsageError` that says what is wrong and how to correct it."""
    kind = given.source or name
    source = _source(kind, given)
    by_sns = source.authenticate is _sns.authenticate
    if by_sns and not given.topics and not given.secrets:
        raise UsageError(
            "It has no topics, so that nobody may send to it.",
            next='Say which: topics = ["arn:aws:sns:REGION:ACCOUNT:NAME"].',
        )
    if not by_sns and not given.secrets:
        raise UsageError(
            "It has no secrets, so that nothing could open it.",
            next=f'Give it one: secrets = ["env:FIREDOOR_SECRET_{name.upper().replace("-", "_")}"].',
        )
    return Door(
        name=name,
        kind=kind,
        source=source,
        secrets=tuple(read(one, variables) for one in given.secrets),
        topics=given.topics if by_sns else (),
        options={
            "header": given.header,
            "signature_version": str(given.signature_version),
            "timestamp": given.timestamp,
        },
        by_path=kind in BY_PATH,
    )


def _source(kind: str, given: AlertDoor) -> Source:
    if kind not in SOURCES:
        near = difflib.get_close_matches(kind, SOURCES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(sorted(SOURCES))}."
        raise UsageError(f"There is no source {kind!r}.", next=f"{hint} Say which with `source`.")
    if kind == generic.NAME:
        return generic.source(given.map)
    if given.map:
        raise UsageError(
            f"It has a map, and {kind} says itself what its fields mean.",
            next=f"Take the map out, or set source = {generic.NAME!r}.",
        )
    return SOURCES[kind]
