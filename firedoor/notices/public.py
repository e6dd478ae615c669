"""The public copy of a campaign's notice, by which anybody can check that a message is genuine.

A C2SP signed note (https://c2sp.org/signed-note) with the key that signs the timeline: the texts as they are sent, in
every language, with `‹…›` for what is each reader's own. It names nobody. Its hash stands in the timeline.
It is checked by `firedoor notices verify`, or with OpenSSL alone: docs/how-to/notices.md.
"""

import itertools
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firedoor.campaign import Exposure
from firedoor.config import Settings
from firedoor.notices.composing import Composer, Variables
from firedoor.notices.rendered import Rendered
from firedoor.notices.variables import date, verbatim
from firedoor.recipient import CampaignRow
from firedoor.timeline.checkpoint import CheckpointError, Signer, Verifier, open_text

TITLE = "The public copy of a notice"
#: How anybody checks a copy; the how-to has the same, and a test runs it.
CHECK = (
    "head -n -2 copy.txt > text",
    "tail -n 1 copy.txt | cut -d ' ' -f 3 | base64 -d | tail -c 64 > signature",
    "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature",
)


def public_copy(settings: Settings, campaign: CampaignRow, composer: Composer, signer: Signer, now: float) -> str:
    """The signed copy of what a campaign sends. Raises `NoticeError` where a text cannot be rendered."""
    notice = composer.notice
    head = (
        TITLE,
        "",
        f"Company: {settings.notices.company}",
        f"Sender: {settings.mail.sender}",
        f"Campaign: {campaign.id}",
        f"Incident: {campaign.incident}",
        f"Notice: {notice.name}, version {notice.version}, SHA-256 {notice.sha256}",
        f"Date: {date(now)}",
        f"Corrects: {campaign.spec.corrects or 'nothing'}",
        "",
        "In your message there are your own names, keys and links where this copy has ‹…›. All else is the same.",
        "",
        "To check the signature, take the public key from the sender's own site, never from a message. It is called",
        f"{signer.name}, its id is {signer.verifier.id.hex()}. With that key as PEM, and OpenSSL 3:",
        *(f"    {line}" for line in CHECK),
        "",
    )
    texts = [part for language in notice.languages for part in _parts(composer, campaign, language)]
    text = "\n".join((*head, *texts)).replace("\t", "    ")
    return signer.sign_text("".join(char for char in text if char == "\n" or char >= " ").rstrip("\n") + "\n")


def verified_copy(copy: str, verifier: Verifier) -> str:
    """The text of a public copy that the key has signed. Raises `CheckpointError` that says what is wrong with it."""
    text = open_text(copy, verifier)
    if not text.startswith(TITLE + "\n"):
        # The same key signs the timeline: a checkpoint is not to pass for a notice.
        raise CheckpointError("it is signed, and is no public copy of a notice")
    return text


def public_key(verifier: Verifier) -> str:
    """The key as PEM, for OpenSSL."""
    key = Ed25519PublicKey.from_public_bytes(verifier.public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _parts(composer: Composer, campaign: CampaignRow, language: str) -> list[str]:
    """The texts in one language, each once, with those that get it: notice and reminder, by cohort and exposure."""
    cohorts = [one.name for one in campaign.spec.cohorts] or [""]
    readers = itertools.product((0, 1) if campaign.spec.remind else (0,), cohorts, Exposure)
    told: dict[Rendered, list[tuple[int, str, str]]] = {}
    for reminder, cohort, exposure in readers:
        rendered = composer.render(language, reader(cohort, exposure, reminder))
        told.setdefault(rendered, []).append((reminder, cohort, exposure.value))
    return [
        line
        for rendered, whose in told.items()
        for line in (
            f"=== {', '.join((language, *_for(whose, len(cohorts))))} ===",
            "",
            f"Subject: {rendered.subject}",
            "",
            rendered.text,
        )
    ]


def _for(whose: Sequence[tuple[int, str, str]], cohorts: int) -> list[str]:
    """What a text is called: whether it reminds, and the cohorts and exposures that it is for, if it is not for all."""
    words = ["reminder"] if all(reminder for reminder, _, _ in whose) else []
    named = dict.fromkeys(cohort for _, cohort, _ in whose)
    exposures = dict.fromkeys(exposure for _, _, exposure in whose)
    words += named if len(named) < cohorts else ()
    words += exposures if len(exposures) < len(Exposure) else ()
    return words


def reader(cohort: str, exposure: str, reminder: int = 0) -> Variables:
    """A reader who is nobody: `‹…›` for all that is a reader's own."""
    customer = {"id": "‹customer›", "name": "‹your company›", "cohort": cohort, "exposure": exposure}
    key = {
        "provider": "‹provider›",
        "provider_title": "‹provider›",
        "kind": "‹kind›",
        "kind_title": "key",
        "name": "‹your key›",
        "scope": "‹scope›",
        "hint": "‹…›",
        "rotate": "‹what to do there›",
        "where": "‹where›",
        "stored": "‹place›",
    }
    return {
        "customer": customer,
        "contact": {"name": "‹your name›", "role": "‹role›"},
        "credentials": [key],
        "links": {"acknowledge": verbatim("‹your link›"), "public": verbatim("‹this page›")},
        "reminder": reminder,
    }
