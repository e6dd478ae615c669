"""The runbooks that alerts may start, and what is told of those that have mistakes."""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from firedoor.catalog import Shelf, Shelves
from firedoor.plan import Auto, Plan

LOGGER = logging.getLogger("firedoor.deliveries")
#: Seconds: whoever matches an alert has just looked.
RECENT = 1.0


@dataclass(frozen=True)
class Known:
    """The plans by their names, and the texts of those runbooks that do not compile."""

    plans: Mapping[str, Plan]
    broken: Mapping[str, str]

    @classmethod
    def of(cls, shelf: Shelf) -> Self:
        """All that a shelf has. Reads the texts of what is broken."""
        return cls(shelf.plans, {name: _text(shelf.files[name]) for name in shelf.broken})

    @cached_property
    def limits(self) -> dict[str, int]:
        """How often within an hour alerts may start each of the runbooks that they may start at all."""
        return {name: plan.max_starts for name, plan in self.plans.items() if plan.auto is not Auto.OFF}

    def suspects(self, source: str) -> list[str]:
        """The runbooks with mistakes that may be meant for alerts of a source: its name stands in them."""
        return [name for name, text in self.broken.items() if source in text]


class Runbooks:
    """The shipped runbooks and those of the configured folders."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None
        self._known = Known({}, {})
        self._looked = float("-inf")

    async def current(self) -> Known:
        """All of them, as of a moment ago at most. Raises as `known` does."""
        if time.monotonic() - self._looked < RECENT:
            return self._known
        return await asyncio.to_thread(self.known)

    def known(self) -> Known:
        """All of them as their files are now. One that is broken is told in the log, and does not silence the others.

        Takes a second when something has changed: call it in a thread. Raises `UsageError` for a configured folder that
        is not there.
        """
        with self._lock:
            shelf = self._shelves.now()
            if shelf is not self._shelf:
                before = self._known.broken
                self._known = Known.of(shelf)
                self._shelf = shelf
                for name, text in self._known.broken.items():
                    if text != before.get(name):
                        LOGGER.warning(
                            "The runbook %s has mistakes, no alert can start it: firedoor lint %s", name, name
                        )
            self._looked = time.monotonic()
            return self._known


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
