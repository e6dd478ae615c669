"""A campaign's messages: what one reader gets. The same reader gets the same again, whenever it is rendered."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from firedoor.config import Settings
from firedoor.notices.folder import FILES, Notice, load_notice
from firedoor.notices.links import Links, Purpose
from firedoor.notices.rendered import Rendered
from firedoor.notices.rendering import Text
from firedoor.notices.variables import date, described, hour, in_language, named, said, said_all, verbatim
from firedoor.recipient import CampaignRow, Recipient, Way

DAY = 86_400
#: What `CampaignRow.extra` holds of a campaign: when it was prepared (seconds since the epoch), the notice as it was
#: then, and its public copy.
PREPARED, KEPT, PUBLIC = "prepared", "notice", "public"
Variables = dict[str, Any]


class Composer:
    """Renders one campaign. All texts are compiled when it is made; then it does no I/O, and threads may share it.

    A campaign keeps the notice that it was prepared with: whoever edits the folder changes the next one. Raises
    `UsageError` where the notice cannot be found, `NoticeError` where one of its texts cannot be rendered.
    """

    def __init__(self, settings: Settings, campaign: CampaignRow, links: Links | None = None) -> None:
        kept = campaign.extra.get(KEPT)
        self.notice = Notice.of(kept) if kept else load_notice(campaign.spec.notice, campaign.spec.version, settings)
        self._language = lru_cache(maxsize=64)(self.notice.language)
        self._campaign = campaign.id
        self._links = links or Links.open(settings)
        self._texts = {
            language: tuple(Text(self.notice, f"{language}/{file}") for file in FILES)
            for language in self.notice.languages
        }
        began = campaign.extra.get(PREPARED) or campaign.began
        self.expires = int(began) + settings.notices.link_days * DAY
        self._public = verbatim(self._links.public(campaign.id))
        facts = {
            "incident": {"id": campaign.incident},
            "sent_on": date(began),
            "escalates_at": hour(began + campaign.spec.escalates) if campaign.spec.escalates else "",
        }
        self._shared = {
            language: facts | shared(self.notice, settings, campaign.values, language)
            for language in self.notice.languages
        }

    def compose(self, recipient: Recipient, way: Way, reminder: int = 0) -> Rendered:
        """The notice for a customer by one of its ways; with `reminder` above 0 the reminder of that number."""
        acknowledge = self._links.personal(self._campaign, recipient.customer, way.contact, self.expires)
        customer = {
            "id": recipient.customer,
            "name": named(recipient.name or recipient.customer),
            "cohort": recipient.cohort,
            "exposure": recipient.exposure,
        }
        return self.render(
            recipient.language,
            {
                "customer": customer,
                "contact": {"name": named(way.name), "role": way.contact.partition("-")[0]},
                "credentials": described(recipient.credentials),
                "links": {"acknowledge": verbatim(acknowledge), "public": self._public},
                "reminder": reminder,
            },
        )

    def unsubscribe(self, recipient: Recipient, way: Way) -> str:
        """Where this reader ends notices that are no security notices."""
        names = (self._campaign, recipient.customer, way.contact)
        return self._links.personal(*names, self.expires, Purpose.UNSUBSCRIBE)

    def render(self, language: str, reader: Mapping[str, Any]) -> Rendered:
        """The texts in a language, for what is known of a reader. Raises `NoticeError`."""
        chosen = self._language(language)
        variables = {**self._shared[chosen], **reader}
        subject, text, html, slack = (one.render(variables) for one in self._texts[chosen])
        return Rendered(said(" ".join(subject.split())), text, html, slack)


def shared(notice: Notice, settings: Settings, values: Mapping[str, Any], language: str) -> Variables:
    """The variables that are the same for every reader of a language."""
    absent = dict.fromkeys((name for name, one in notice.manifest.variables.items() if one.optional), "")
    return {
        "company": said(settings.notices.company),
        "support": verbatim(said(settings.notices.support)),
        "values": absent | said_all(in_language(values, language, notice.manifest.language)),
        "language": language,
    }
