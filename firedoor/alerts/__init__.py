"""Alerts: one module a source (who sent it, what it says), and which runbook an alert starts."""

from firedoor.alerts import guardduty
from firedoor.alerts._alert import Alert
from firedoor.alerts._matching import Matches, match, matches
from firedoor.alerts._source import Headers, Lock, Parsed, Source, UnauthenticatedError

#: Every source by its name in `triggers`. One line a source.
SOURCES: dict[str, Source] = {
    guardduty.NAME: guardduty,
}

__all__ = [
    "SOURCES",
    "Alert",
    "Headers",
    "Lock",
    "Matches",
    "Parsed",
    "Source",
    "UnauthenticatedError",
    "match",
    "matches",
]
