"""Alerts: one module a source (`parse(body) -> Alert`), and which runbook an alert starts."""

from typing import Protocol

from firedoor.alerts import guardduty
from firedoor.alerts._alert import Alert
from firedoor.alerts._matching import Matches, match, matches


class Source(Protocol):
    """What the module of a source has."""

    def parse(self, body: bytes) -> Alert:
        """The alert of one message. Raises `UsageError` that says what is wrong with it."""
        ...


#: Every source by its name in `triggers`. One line a source.
SOURCES: dict[str, Source] = {
    guardduty.NAME: guardduty,
}

__all__ = ["SOURCES", "Alert", "Matches", "Source", "match", "matches"]
