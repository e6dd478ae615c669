"""A sender of a campaign as a process of its own: the product's parts, without Temporal around them.

`python -m benchmarks.campaign_sender HOME prepare COUNT` makes a campaign ready and approves it;
`… HOME send UPTO` sends it as far as customer UPTO and prints the seconds that took, and its peak memory.
`HOME/firedoor.toml` has the settings, as anywhere.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from activities.campaigns.letters import Letters
from activities.campaigns.send import Bench, send
from activities.transports.smtp import open_smtp
from firedoor.campaign import Flow, Work
from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.mailing import Mail, Notices
from firedoor.notices.composing import KEPT, PREPARED, Composer
from firedoor.notices.folder import load_notice
from firedoor.outbox import preparing
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign
from firedoor.recipient import CampaignRow, Message, Recipient, Way
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.store import Timeline

CAMPAIGN, INCIDENT, DIGEST = "bench.notify", "bench", "d"
DOMAINS = 300
CONNECTIONS = 10
NOTICE = "provider-keys-exposed"


def settings(home: Path, port: int = 0, rate: float = 0, domain_rate: float = 0) -> Settings:
    """The settings of the installation in a folder."""
    mail = Mail(
        transport="smtp",
        host="127.0.0.1",
        port=port or 25,
        security="none",
        sender="Acme Security <security@acme.example>",
        connections=CONNECTIONS,
        rate=rate,
        domain_rate=domain_rate,
    )
    return Settings(home=home, mail=mail, notices=Notices(company="Acme", support="https://acme.example/help"))


def recipient(number: int) -> Recipient:
    """A customer. Every third one has its mail at one large provider, the others at many small ones."""
    domain = "big.example" if number % 3 == 0 else f"customer{number % DOMAINS}.example"
    return Recipient(
        customer=f"customer-{number}",
        position=number,
        name=f"Customer {number}",
        cohort="confirmed" if number % 4 == 0 else "possible",
        exposure="confirmed" if number % 4 == 0 else "possible",
        language="en",
        zone="UTC",
        hours=0,
        ways=(Way("security", "Ada Example", "email", f"security{number}@{domain}"),),
        credentials=(
            Dependency(provider="openai", name="production", id=f"key-{number}"),
            Dependency(provider="anthropic", name="batch", id=f"apikey-{number}"),
        ),
    )


def prepare(home: Path, count: int) -> None:
    """Make a campaign ready for so many customers, and approve it."""
    own = settings(home)
    notice = load_notice(NOTICE, 1, own)
    row = CampaignRow(
        id=CAMPAIGN,
        incident=INCIDENT,
        step="notify",
        spec=Campaign(notice=NOTICE, until="customer.remediated"),
        values={"happened": "Somebody read our store of keys.", "since": "4 May 2026, 02:10 UTC"},
        notice_sha256=notice.sha256,
        digest=DIGEST,
        flow=Flow.PREPARED,
        extra={PREPARED: int(time.time()), KEPT: notice.kept()},
    )
    composer = Composer(own, row)

    def messages() -> Iterator[Message]:
        for one in map(recipient, range(count)):
            way = one.ways[0]
            yield preparing.draft(one.customer, way, 1, content=composer.compose(one, way).digest())

    rendered = composer.compose(recipient(0), recipient(0).ways[0])
    (home / "body.txt").write_text(rendered.text, encoding="utf-8")
    (home / "body.html").write_text(rendered.html, encoding="utf-8")
    with Outbox.open(own.outbox_path) as outbox:
        outbox.prepare(row, map(recipient, range(count)), messages())
        outbox.approve(CAMPAIGN, DIGEST, "user:ada", time.time())


async def run(own: Settings, upto: int) -> dict[str, object]:
    """Send; what that took and where the campaign stands."""
    with (
        Timeline.open(own.timeline_path, own.signing_key_path, own.log) as timeline,
        Disclosures.open(own.disclosures_path) as disclosures,
        Outbox.open(own.outbox_path) as outbox,
    ):
        row = outbox.campaign(CAMPAIGN)
        letters = Letters(row, Composer(own, row))
        transport = open_smtp(own.mail, lambda _: SecretStr(""))
        bench = Bench(outbox, Publisher(outbox, timeline, disclosures), {"email": transport})
        work = Work(campaign=CAMPAIGN, incident=INCIDENT, step="notify", digest=DIGEST, upto=upto)
        start, used = time.perf_counter(), time.process_time()
        standing = await send(work, letters, bench)
        seconds, used = time.perf_counter() - start, time.process_time() - used
        await transport.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"seconds": seconds, "processor": used, "peak_mib": peak}
    return {**cost, "messages": standing.messages, "flow": standing.flow.value}


def main(home: Path, what: str, count: int, port: int, rates: list[float]) -> None:
    """Prepare or send."""
    if what == "prepare":
        prepare(home, count)
    else:
        print(json.dumps(asyncio.run(run(settings(home, port, *rates), count))), flush=True)


if __name__ == "__main__":
    limits = [float(text) for text in sys.argv[5:7]]
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), limits)
