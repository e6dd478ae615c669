"""What a transport's answer makes of a message. Pure."""

from activities.transports._transport import (
    BouncedError,
    DoubtError,
    LaterError,
    Receipt,
    TransportError,
)
from firedoor.campaign import MessageState
from firedoor.outbox.claims import Outcome

#: A server that says "later" is asked again after these seconds, twice as many each time, and at most so many.
PAUSE_SECONDS = 15.0
LONGEST_PAUSE = 900.0
#: After so many attempts, about an hour and a half, the next way is tried.
ATTEMPTS = 12


def outcome(id: int, attempts: int, answer: Receipt | TransportError, now: float) -> Outcome:
    """What becomes of message `id`, of which this was attempt number `attempts`."""
    match answer:
        case Receipt():
            state = MessageState.DELIVERED if answer.delivered else MessageState.SENT
            return Outcome(id, state, answer.provider_id)
        case LaterError() if attempts < ATTEMPTS:
            pause = max(answer.seconds, min(LONGEST_PAUSE, PAUSE_SECONDS * 2 ** (attempts - 1)))
            return Outcome(id, MessageState.QUEUED, reason=answer.what, due=now + pause)
        case LaterError():
            return Outcome(id, MessageState.FAILED, reason=f"Not taken in {attempts} attempts: {answer.what}")
        case DoubtError():
            return Outcome(id, MessageState.IN_DOUBT, reason=answer.what)
        case BouncedError():
            return Outcome(id, MessageState.BOUNCED, reason=answer.what)
        case _:
            return Outcome(id, MessageState.FAILED, reason=answer.what)


def untried(id: int, why: str, now: float) -> Outcome:
    """Message `id` was not sent, and that says nothing about it: it stays in its place."""
    return Outcome(id, MessageState.QUEUED, reason=why, due=now, untried=True)
