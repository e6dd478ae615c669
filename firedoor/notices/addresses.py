"""Where the texts of a notice lead: their links, and whether a careful reader may follow them. Pure."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

#: A link in a text; an expression of the template may be a part of it.
LINK = re.compile(r"""(?:https?:)?//(?:\{\{.*?\}\}|[^\s"'<>(){}\[\]])+""", re.IGNORECASE)
#: Words of a page that asks who you are: whoever phishes sends readers there, so we do not.
LOG_IN = re.compile(
    r"(?<![a-z])(?:log-?in|log-?on|sign-?in|sign-?on|signin|sso|oauth2?|auth|authorize|authenticate|session)(?![a-z])",
    re.IGNORECASE,
)


def links(text: str) -> Iterator[tuple[int, str]]:
    """Every link that is written out in a text, with its line."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in LINK.finditer(line):
            yield number, match.group().rstrip(".,;:!?")


def why_not(link: str, hosts: frozenset[str]) -> str:
    """Why a notice may not lead there; empty where it may."""
    if "{{" in link:
        return f"{link}: an address is one variable (links.acknowledge, links.public, support), not put together."
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return f"{link} is no address."
    if LOG_IN.search(host) or LOG_IN.search(parts.path) or LOG_IN.search(parts.query):
        return f"{link} leads to a log-in: a reader cannot tell that from a trap. Say in words where to go."
    if parts.scheme.lower() != "https" and link[:2] != "//":
        return f"{link} is not https."
    if host not in hosts:
        return f"{link} leads to {host}, which is neither ours nor among `hosts` of notice.toml."
    return ""
