"""A notice before there is a campaign: with sample values, for customers as they are or for one who is made up."""

from firedoor.campaign import Channel, Exposure, Flow
from firedoor.config import Settings
from firedoor.customers.model import Affected, Contact, Customer, Dependency, Role
from firedoor.notices.composing import KEPT, PREPARED
from firedoor.notices.folder import load_notice
from firedoor.notices.ways import recipient_of, ways_of
from firedoor.plan import Campaign
from firedoor.recipient import CampaignRow, Recipient

#: In a preview the deadline is four days away.
ESCALATES = 4 * 86_400
CHANNELS = tuple(Channel)

#: Who is shown where nobody is named.
SOMEBODY = Customer(
    id="northwind",
    name="Northwind Traders",
    contacts=(
        Contact(role=Role.SECURITY, channel=Channel.EMAIL, address="security@northwind.example", name="Ada Lind"),
    ),
    credentials=(
        Dependency(provider="openai", kind="user_key", name="OPENAI_PRODUCTION", id="key_specimen7Qw4f2a"),
        Dependency(provider="anthropic", kind="api_key", name="ANTHROPIC_BATCH_JOBS", id="apikey_specimen01Hx9c1e"),
        Dependency(provider="mistral", name="evaluation-of-the-summaries-in-the-support-team", id="specimen-3b77d0"),
    ),
)


def specimen(settings: Settings, name: str, version: int, now: float) -> CampaignRow:
    """A campaign that is not stored and sends nothing. Raises `UsageError`."""
    notice = load_notice(name, version, settings)

    return CampaignRow(
        id=f"preview.{name}",
        incident="preview",
        step=name,
        spec=Campaign(notice=name, version=version, escalates=ESCALATES),
        values=dict(notice.manifest.samples()),
        notice_sha256=notice.sha256,
        digest="",
        flow=Flow.PREPARED,
        extra={PREPARED: int(now), KEPT: notice.kept()},
    )


def shown_to(customer: Customer, exposure: str = Exposure.CONFIRMED) -> Recipient:
    """A customer as the preview writes to it: about all of its credentials, by whatever ways there are."""
    affected = Affected(customer=customer.id, exposure=exposure, credentials=customer.credentials)
    return recipient_of(customer, affected, ways_of(customer, CHANNELS), position=0)
