"""A message, rendered for one reader. Pure data."""

from dataclasses import dataclass

from firedoor.canonical import digest_of


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one reader gets. Mail takes `subject`, `text`, `html`; Slack takes `slack` (Markdown) below `subject`."""

    subject: str
    text: str
    html: str
    slack: str

    def digest(self) -> str:
        """SHA-256 of the content, hex: what an approval is bound to."""
        return digest_of([self.subject, self.text, self.html, self.slack])
