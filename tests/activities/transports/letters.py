"""Letters for the tests of transports, and settings of mail."""

from typing import Any

from activities.transports._transport import Letter
from firedoor.mailing import Mail
from firedoor.notices.rendered import Rendered

RENDERED = Rendered(
    "Replace these keys today: Schlüssel",
    "Dear Acme,\n\nkeys of yours were stolen.\n.\n.hidden\nFrom here on: done.\n",
    '<!doctype html><html lang="en"><body><p>Dear Acme, keys of yours were stolen: Schlüssel.</p></body></html>',
    "Keys of *yours* were stolen. **Replace them today**: [how](https://acme.example/how)",
)


def letter(number: int = 1, **fields: Any) -> Letter:
    """A letter to a customer."""
    given: dict[str, Any] = {
        "row": number,
        "key": f"{number:040x}",
        "campaign": "gateway-1.notify",
        "incident": "gateway-1",
        "customer": f"c-{number}",
        "channel": "email",
        "address": f"ada{number}@customer.example",
        "recipient": "Ada",
        "language": "en",
        "rendered": RENDERED,
    }
    return Letter(**given | fields)


def mail(**fields: Any) -> Mail:
    """Settings of mail."""
    return Mail.model_validate({"transport": "smtp", "sender": "Acme Security <security@acme.example>"} | fields)
