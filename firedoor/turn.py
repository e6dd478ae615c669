"""Whose turn it is: of all processes that share a file, one at a time does the work. A dead one's turn is over."""

import fcntl
import os
from pathlib import Path

from firedoor.errors import FiredoorError


class TurnError(FiredoorError):
    """Whose turn it is cannot be found out."""

    reason = "turn"


class Turn:
    """A lock that the operating system gives back when its holder dies, however that happens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Is it ours, now? Does not wait. Raises `TurnError` where the lock's file cannot be opened."""
        if self._file is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TurnError(
                f"The lock {self._path} cannot be opened: {error.strerror}.",
                changed="Incidents go on; this process waits for its turn.",
                next="Check the owner and mode of the file and its folder.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def give(self) -> None:
        """Let others have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
