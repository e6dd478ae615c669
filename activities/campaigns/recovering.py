"""What a sender that died had begun: asked about where the way can tell, and in doubt where it cannot."""

from collections.abc import Mapping

from activities.campaigns.answers import outcome, untried
from activities.campaigns.letters import Letters
from activities.transports._transport import Transport, TransportError
from firedoor.campaign import MessageState
from firedoor.errors import FiredoorError
from firedoor.outbox.claims import Outcome
from firedoor.recipient import Message, Recipient


async def found(
    message: Message, recipient: Recipient, letters: Letters, transports: Mapping[str, Transport], now: float
) -> Outcome:
    """What became of a message that was `sending` when its sender died. It is never simply sent again."""
    transport = transports.get(message.channel)
    if transport is None:
        return _in_doubt(message, f"There is no way to ask: {message.channel} is not set up here.")
    try:
        receipt = await transport.find(letters.letter(message, recipient))
    except TransportError as error:
        return _in_doubt(message, error.what)
    except FiredoorError as error:
        return _in_doubt(message, f"It cannot be asked about: {error.what}")
    if receipt is None:
        return untried(message.id, "Its sender died before it was sent.", now)
    return outcome(message.id, message.attempts, receipt, now)


def _in_doubt(message: Message, why: str) -> Outcome:
    return Outcome(message.id, MessageState.IN_DOUBT, reason=f"Its sender died while it was being sent. {why}")
