"""What was refused to whom, in the timeline: of an incident, or of the log itself where it was about none.

A flood of refusals must not fill the timeline: the same one is written once a minute, and all together sixty times a
minute at most. What was left out is counted by the next entry.
"""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from firedoor.incident import Responder
from firedoor.timeline.entry import Draft, Kind, TimelineError
from firedoor.timeline.writer import Writer

#: Seconds in which the same refusal of the same person is one entry.
WINDOW = 60.0
#: Entries in such a window, of all people.
MOST = 60
MOST_SAY = 1000

_LOG = logging.getLogger("firedoor.slack")


@dataclass(slots=True)
class Refusals:
    """Writes refusals. `clock` is in monotonic seconds."""

    writer: Writer
    clock: Callable[[], float] = time.monotonic
    _last: dict[tuple[str, str, str, str], float] = field(default_factory=dict[tuple[str, str, str, str], float])
    _left_out: int = 0

    async def record(self, who: Responder, verb: str, say: str, *, incident: str = "", step: str = "") -> None:
        """Write that `who` was refused. It never fails: what cannot be written stands in the program's log."""
        key = (who.identity, verb, incident, step)
        now = self.clock()
        self._last = {one: at for one, at in self._last.items() if now - at < WINDOW}
        if key in self._last or len(self._last) >= MOST:
            self._left_out += 1
            return
        self._last[key] = now
        more, self._left_out = self._left_out, 0
        body = {
            "actor": {"kind": "human", "id": who.principal, "auth": who.auth, "identity": who.identity},
            "cause": {"door": "slack", **({"step": step} if step else {})},
            "verb": verb,
            "say": f"Refused {verb} to {who.principal}: {say[:MOST_SAY]}",
            **({"more": more} if more else {}),
        }
        draft = Draft(Kind.REFUSAL, incident, f"slack/refusal/{secrets.token_hex(16)}", body)
        try:
            await self.writer.append(draft)
        except TimelineError as error:
            _LOG.warning("a refusal of %s to %s could not be recorded: %s", verb, who.principal, error.what)
