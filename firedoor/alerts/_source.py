"""The shape of an alert source: what its module has, what its door is locked with, what a delivery says.

A delivery is what a sender posts: headers and a body. `authenticate` judges its raw bytes, `parse` reads it. Both are
pure: the door hands in whatever they need of the world.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from firedoor.alerts._alert import Alert
from firedoor.errors import RefusedError

#: The headers of a delivery; names in lower case.
Headers = Mapping[str, str]


class UnauthenticatedError(RefusedError):
    """A delivery that does not prove where it comes from. What it says is for the log, never for the sender."""

    reason = "unauthenticated"


@dataclass(frozen=True, slots=True)
class Lock:
    """What a door is locked with: the settings of `[alerts.NAME]`, its secrets read.

    Any one of `secrets` opens, so that a new one can be set before the old one goes. `topics` are the ARNs that SNS may
    send from. `certificate` gives the PEM of a signing certificate's URL, whose host the caller has checked; it raises
    `UnauthenticatedError` where it cannot be had. `now` is the door's clock, for replay windows.
    """

    now: datetime
    secrets: tuple[SecretStr, ...] = ()
    topics: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    certificate: Callable[[str], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a delivery says.

    `key` is the source's own key of the delivery: another one with the same is the same. `alerts` may be empty, for a
    ping or a resolution, and `note` says why. `kept` is the body as it may be stored; None is the body itself.
    `confirm` is the URL with which SNS wants a subscription confirmed.
    """

    key: str
    alerts: tuple[Alert, ...] = ()
    note: str = ""
    kept: bytes | None = None
    confirm: str = ""


class Source(Protocol):
    """What the module of a source has."""

    def authenticate(self, headers: Headers, body: bytes, lock: Lock) -> None:
        """Return if the raw bytes come from whom they should. Raises `UnauthenticatedError` that says why not."""
        ...

    def parse(self, headers: Headers, body: bytes) -> Parsed:
        """What the delivery says; secrets have been taken out of its body (`firedoor.alerts._secrets`).

        Raises `UsageError` that says what is wrong with it.
        """
        ...
