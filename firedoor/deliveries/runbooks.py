"""The runbooks that alerts may start, compiled; compiled again when one of their files changes."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firedoor.catalog import runbooks, shelf
from firedoor.config import Settings
from firedoor.plan import Plan

LOGGER = logging.getLogger("firedoor.deliveries")

#: A runbook's file: its path, when it was changed (ns), its size.
Stamp = tuple[Path, int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """The plans by their names, and the texts of those runbooks that do not compile."""

    plans: Mapping[str, Plan]
    broken: Mapping[str, str]

    def suspects(self, source: str) -> list[str]:
        """The runbooks with mistakes that may be meant for alerts of a source: its name stands in them."""
        return [name for name, text in self.broken.items() if source in text]


class Runbooks:
    """The shipped runbooks and those of the configured folders."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stamps: frozenset[Stamp] | None = None
        self._known = Known({}, {})
        self._lock = threading.Lock()

    def known(self) -> Known:
        """All of them as their files are now. One that is broken is told in the log, and does not silence the others.

        Takes a second when something has changed: call it in a thread. Raises `UsageError` for a configured folder that
        is not there.
        """
        with self._lock:
            paths = runbooks(self._settings)
            stamps = frozenset(_stamp(path) for path in paths.values())
            if stamps != self._stamps:
                found = shelf(self._settings)
                before = self._known.broken
                self._known = Known(found.plans, {name: _text(paths.get(name)) for name in found.broken})
                self._stamps = stamps
                for name in found.broken:
                    if self._known.broken[name] != before.get(name):
                        LOGGER.warning(
                            "The runbook %s has mistakes, no alert can start it: firedoor lint %s", name, name
                        )
            return self._known


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


def _text(path: Path | None) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path else ""
    except OSError:
        return ""
