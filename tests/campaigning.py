"""Campaigns as they stand in an outbox: approved, with customers and their keys, for whoever looks at them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from firedoor.campaign import Flow
from firedoor.customers.model import Dependency
from firedoor.outbox.preparing import draft
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign
from firedoor.recipient import CampaignRow, Recipient, Way

CAMPAIGN = "gateway-breached-1a2b.notify"
DIGEST = "d" * 64
#: What is planted here is older than this; what a test changes is newer. Seconds since the epoch.
PREPARED = 1_795_946_400.0

OPENAI = Dependency(provider="openai", name="OPENAI_API_KEY", id="key_canary0001", store="braintrust:ai_secret/ACME")
ANTHROPIC = Dependency(provider="anthropic", name="claude", id="apikey_canary02", store="aws-sm:customers/acme/claude")


def recipient(
    customer: str, position: int = 0, credentials: Sequence[Dependency] = (OPENAI,), **others: Any
) -> Recipient:
    """A customer with one address."""
    plain = Recipient(
        customer=customer,
        position=position,
        name=f"{customer.title()} Inc.",
        cohort="confirmed",
        exposure="confirmed",
        language="en",
        zone="Europe/Berlin",
        hours=0,
        ways=(Way("security", "Ada", "email", f"security@{customer}.example"),),
        credentials=tuple(credentials),
    )
    return replace(plain, **others)


def campaign(path: Path, recipients: Sequence[Recipient], *, approved: bool = True, **others: Any) -> CampaignRow:
    """Keep a campaign for these customers; approved, unless it shall not be."""
    spec = {"notice": "provider-keys-exposed", "until": "customer.remediated", **others.pop("spec", {})}
    row = CampaignRow(
        id=CAMPAIGN,
        incident=CAMPAIGN.rpartition(".")[0],
        step="notify",
        spec=Campaign.model_validate(spec),
        values={},
        notice_sha256="e" * 64,
        digest=DIGEST,
        flow=Flow.PREPARED,
        extra={"prepared": PREPARED, "public": "The public copy of a notice\n\nKeys were exposed.\n\n— canary AAAA\n"},
    )
    shared = others.pop("shared", None)
    row = replace(row, **others)
    letters = [draft(one.customer, one.ways[0], 1, content="c" * 64) for one in recipients]
    with Outbox.open(path) as outbox:
        outbox.prepare(row, recipients, letters, shared)
        return outbox.approve(row.id, row.digest, "user:ada", PREPARED + 60) if approved else row
