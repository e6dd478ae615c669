"""Parts of what Slack sends, with the types that they should have. Pure."""

from collections.abc import Mapping
from typing import Any


def part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part that is an object, or an empty one."""
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}


def parts(payload: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A part that is a list: the objects in it."""
    found = payload.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def word(payload: Mapping[str, Any], name: str) -> str:
    """A part that is a text, or an empty one."""
    value = payload.get(name)
    return sound(value) if isinstance(value, str) else ""


def sound(text: str) -> str:
    """The text without halves of characters: JSON may hold them, and nothing that stores texts takes them."""
    return text if text.isascii() else text.encode(errors="replace").decode()
