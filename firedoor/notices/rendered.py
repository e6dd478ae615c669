"""A message, rendered for one reader. Pure data."""

import hashlib
from dataclasses import dataclass

from firedoor.canonical import SHORT


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one reader gets. Mail takes `subject`, `text`, `html`; Slack takes `slack` (Markdown) below `subject`."""

    subject: str
    text: str
    html: str
    slack: str

    def digest(self) -> str:
        """The first digits of the SHA-256 of the content, hex: what an approval is bound to.

        Each text goes in behind its length, so that nothing can move from one into the next. It is made twice for every
        message, and JSON takes four times as long.
        """
        every = [one.encode("utf-8", "surrogatepass") for one in (self.subject, self.text, self.html, self.slack)]
        return hashlib.sha256(b"".join([b"%d:%b" % (len(one), one) for one in every])).hexdigest()[:SHORT]
