"""What a button says when it is pressed: which verb, in which incident, on which step, bound to which digest. Pure.

A button carries all that its handler needs. Nobody has to remember an id, and a press means the same in whichever
process it arrives.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from firedoor.canonical import sha256_hex
from firedoor.errors import UsageError

Wish = Literal[
    "start",
    "cancel",
    "approve",
    "deny",
    "pause",
    "resume",
    "retry",
    "skip",
    "answer",
    "details",
    "timeline",
    "status",
    "note",
    "abort",
    "pause_sending",
    "resume_sending",
    "stop_sending",
]
WISHES: frozenset[str] = frozenset(get_args(Wish))

PREFIX = "firedoor"
#: Slack's limit of a button's value, in characters.
MOST_VALUE = 2000
#: Slack's limit of an `action_id` is 255. Longer parts are told apart by their hash.
MOST_PART = 100
HASHED = 32


@dataclass(frozen=True, slots=True)
class Press:
    """One button. `incident` is an incident's id, or what the verb needs instead of one (`start`: a runbook's name).

    `digest` is what was shown when the button was drawn: an approval names it.
    """

    verb: Wish
    incident: str
    step: str = ""
    digest: str = ""

    @property
    def action_id(self) -> str:
        """`firedoor.VERB`, then what tells several buttons of one verb in one message apart. At most 255 characters."""
        return ".".join(part for part in (PREFIX, self.verb, _short(self.step)) if part)

    def value(self) -> str:
        """The value of the button: JSON, at most 2000 characters. Raises `UsageError` where names are too long."""
        named = {"i": self.incident, "s": self.step, "d": self.digest}
        text = json.dumps({key: word for key, word in named.items() if word}, separators=(",", ":"))
        if len(text) > MOST_VALUE:
            raise UsageError(f"The names of {self.incident[:80]}… are too long for a button of Slack.")
        return text

    @classmethod
    def parse(cls, action: Mapping[str, Any]) -> Self:
        """The press that an element of `actions` of a `block_actions` payload is. Raises `UsageError` for others."""
        name, text = action.get("action_id"), action.get("value")
        parts = name.split(".") if isinstance(name, str) else []
        verb = next((wish for wish in get_args(Wish) if parts[:2] == [PREFIX, wish]), None)
        if verb is None or not isinstance(text, str) or len(text) > MOST_VALUE:
            raise _unknown()
        try:
            found = json.loads(text)
        except ValueError:
            raise _unknown() from None
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise _unknown()
        return cls(verb, found.get("i", ""), found.get("s", ""), found.get("d", ""))


def _short(part: str) -> str:
    return part if len(part) <= MOST_PART else sha256_hex(part.encode())[:HASHED]


def _unknown() -> UsageError:
    return UsageError(
        "This button is not one that firedoor knows.",
        changed="Nothing was changed.",
        next="`/firedoor` shows the open incidents with their buttons as they are now.",
    )
