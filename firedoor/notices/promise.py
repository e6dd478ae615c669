"""What an approval binds that stands in no row: who writes, where links lead, how a reader is written to.

First messages have digests of their own. Those that follow (a reminder, another way after a bounce) are rendered when
their turn comes: settings that were changed since, or another firedoor, would write them otherwise. Pure.
"""

from collections.abc import Mapping

from firedoor.campaign import Exposure
from firedoor.canonical import digest_of
from firedoor.config import Settings
from firedoor.notices.composing import Composer
from firedoor.notices.public import reader
from firedoor.plan import Campaign

#: What `CampaignRow.extra` holds it under.
PROMISED = "promised"
TEXTS = "the texts themselves"


def promised(settings: Settings, spec: Campaign, composer: Composer) -> dict[str, str]:
    """By what a person calls it: the settings, and the digest of every text as nobody in particular would get it.

    Raises `NoticeError` where a text cannot be rendered.
    """
    cohorts = [one.name for one in spec.cohorts] or [""]
    texts = [
        composer.render(language, reader(cohort, exposure, reminder)).digest()
        for language in composer.notice.languages
        for cohort in cohorts
        for exposure in Exposure
        for reminder in (0, 1)
    ]
    return {
        "company of [notices]": settings.notices.company,
        "support of [notices]": settings.notices.support,
        "link_days of [notices]": str(settings.notices.link_days),
        "sender of [mail]": settings.mail.sender,
        "reply_to of [mail]": settings.mail.reply_to,
        "public_url of [server]": settings.server.public_url,
        TEXTS: digest_of(texts),
    }


def broken(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What is no longer as it was approved."""
    return tuple(name for name, value in now.items() if before.get(name) != value)
