"""Access tokens that a provider gives for a longer-lived secret: kept in this process, none longer than it lives."""

import threading
import time
from collections.abc import Callable

from pydantic import SecretStr

#: A token is not used in its last minutes. Seconds.
MARGIN = 300

#: Fetches a new token; returns it, and how many seconds it lives. May raise `StepError`.
Mint = Callable[[], tuple[SecretStr, float]]


class AccessTokens:
    """Tokens by a name that tells apart whose they are and for what. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[str, ...], tuple[SecretStr, float]] = {}

    def get(self, name: tuple[str, ...], mint: Mint) -> SecretStr:
        """The token of a name, kept or new."""
        # One at a time: those who come meanwhile get the same token.
        with self._lock:
            token, until = self._held.get(name, (SecretStr(""), 0.0))
            if not token or self._clock() >= until:
                token, seconds = mint()
                self._held[name] = token, self._clock() + seconds - MARGIN
            return token

    def forget(self, name: tuple[str, ...]) -> None:
        """It is not accepted any more."""
        with self._lock:
            self._held.pop(name, None)
