"""A message as it leaves: rendered again, and only if it is what was approved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from activities.transports._transport import Letter
from firedoor.errors import FiredoorError
from firedoor.notices.rendered import Rendered
from firedoor.recipient import CampaignRow, Message, Recipient, Way


class ChangedError(FiredoorError):
    """A message would not say what was approved."""

    reason = "approval_void"


class Composer(Protocol):
    """What renders: `firedoor.notices.composing.Composer`."""

    def compose(self, recipient: Recipient, way: Way, reminder: int = 0) -> Rendered:
        """What a reader gets."""
        ...


@dataclass(frozen=True, slots=True)
class Letters:
    """Makes the letters of one campaign. `unsubscribe` gives the URL at which a reader of it unsubscribes."""

    campaign: CampaignRow
    composer: Composer
    informational: bool = False
    unsubscribe: Callable[[Recipient, Way], str] | None = None

    def digest(self, message: Message, recipient: Recipient) -> str:
        """The digest of what a message says."""
        return self.composer.compose(recipient, way_of(message, recipient), message.reminder).digest()

    def letter(self, message: Message, recipient: Recipient) -> Letter:
        """The letter of a message. Raises `ChangedError` where it is not what was approved."""
        way = way_of(message, recipient)
        if way not in recipient.ways or way.address != message.address:
            raise ChangedError(
                f"Message {message.id} would go to an address that nobody has approved.",
                changed="It was not sent.",
                next="Somebody has changed the outbox. Stop the campaign and prepare a new one.",
            )
        rendered = self.composer.compose(recipient, way, message.reminder)
        if rendered.digest() != message.content:
            raise ChangedError(
                f"Message {message.id} would not say what was approved: the notice, its values or the settings of the "
                "links were changed since.",
                changed="It was not sent.",
                next="Put back what was changed and resume, or stop the campaign and prepare a new one.",
            )
        return Letter(
            row=message.id,
            key=message.key,
            campaign=self.campaign.id,
            incident=self.campaign.incident,
            customer=message.customer,
            channel=message.channel,
            address=message.address,
            recipient=way.name,
            language=recipient.language,
            rendered=rendered,
            drill=self.campaign.drill,
            informational=self.informational,
            unsubscribe=self.unsubscribe(recipient, way) if self.informational and self.unsubscribe else "",
        )


def way_of(message: Message, recipient: Recipient) -> Way:
    """The way that a message takes."""
    wanted = (message.contact, message.channel)
    found = next((way for way in recipient.ways if (way.contact, way.channel) == wanted), None)
    return found or Way(message.contact, "", message.channel, message.address)
