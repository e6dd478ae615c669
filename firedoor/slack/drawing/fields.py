"""The fields of a modal: one input block each, and what was typed into them. Pure.

Limits: docs.slack.dev/reference/block-kit (a label and a hint 2,000 characters, an option 75, a text field 3,000);
labels and hints are kept far shorter, so that sixty of them fit a view (250 kB).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from firedoor.plain import plain as steerless
from firedoor.slack.payload import part, parts, word

Block = dict[str, Any]

MOST_LABEL = 150
MOST_HINT = 400
MOST_OPTION = 75
MOST_VALUE = 3000
MOST_OPTIONS = 100
MOST_SECTION = 3000
#: The `action_id` of every field; its `block_id` says which one it is.
VALUE = "value"
TRUE, FALSE = "true", "false"


def cut(text: str, most: int) -> str:
    """The text, or its beginning and `…` where it is longer than Slack takes."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def plain(text: str, most: int) -> dict[str, Any]:
    """A text object that Slack shows as it is: no markup, no mentions, nothing that steers or hides."""
    return {"type": "plain_text", "text": cut(steerless(text), most).strip() or "-", "emoji": False}


def told(text: str) -> Block:
    """A paragraph, shown as it is."""
    return {"type": "section", "text": plain(text, MOST_SECTION)}


def text_field(
    name: str, label: str, *, hint: str = "", initial: str = "", optional: bool = False, lines: bool = False
) -> Block:
    """A field for a text. What is longer than Slack takes is not filled in: a part of a value is another value."""
    element: dict[str, Any] = {"type": "plain_text_input", "multiline": lines, "max_length": MOST_VALUE}
    if initial and len(initial) <= MOST_VALUE:
        element["initial_value"] = initial
    return _input(name, label, element, hint=hint, optional=optional)


def number_field(name: str, label: str, *, hint: str = "", initial: str = "", optional: bool = False) -> Block:
    """A field for a whole number."""
    element: dict[str, Any] = {"type": "number_input", "is_decimal_allowed": False}
    if initial:
        element["initial_value"] = initial
    return _input(name, label, element, hint=hint, optional=optional)


def choice_field(
    name: str, label: str, choices: Sequence[str], *, hint: str = "", initial: str = "", optional: bool = False
) -> Block:
    """A field with a choice. What cannot be shown in full has its number as its value: see `chosen`."""
    options = [_option(choice, number) for number, choice in enumerate(choices[:MOST_OPTIONS])]
    element: dict[str, Any] = {"type": "static_select", "options": options}
    if initial in choices[:MOST_OPTIONS]:
        element["initial_option"] = options[list(choices).index(initial)]
    return _input(name, label, element, hint=hint, optional=optional)


def yes_no_field(name: str, label: str, *, hint: str = "", initial: str = "", optional: bool = False) -> Block:
    """A field for yes or no. Nothing is chosen beforehand unless there is a default."""
    options = [{"text": plain(word, MOST_OPTION), "value": value} for word, value in (("yes", TRUE), ("no", FALSE))]
    element: dict[str, Any] = {"type": "static_select", "options": options}
    if initial in {TRUE, FALSE}:
        element["initial_option"] = options[initial == FALSE]
    return _input(name, label, element, hint=hint, optional=optional)


def tick_field(name: str, label: str, says: str, *, hint: str = "") -> Block:
    """A box to tick."""
    option = {"text": plain(says, MOST_OPTION), "value": TRUE}
    return _input(name, label, {"type": "checkboxes", "options": [option]}, hint=hint, optional=True)


def _input(name: str, label: str, element: dict[str, Any], *, hint: str, optional: bool) -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": plain(label, MOST_LABEL),
        "element": {**element, "action_id": VALUE},
        "optional": optional,
    }
    return block | {"hint": plain(hint, MOST_HINT)} if hint else block


def _option(choice: str, number: int) -> dict[str, Any]:
    return {"text": plain(choice, MOST_OPTION), "value": f"#{number}"}


def chosen(value: str, choices: Sequence[str]) -> str:
    """The choice that an option of `choice_field` is; empty for one that does not exist."""
    number = value.removeprefix("#")
    return choices[int(number)] if number.isascii() and number.isdigit() and int(number) < len(choices) else ""


def filled(view: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields of a submitted view, by `block_id`; fields that were left empty are not there."""
    values = part(part(view, "state"), "values")
    found = {str(name): _text(part(part(values, name), VALUE)) for name in values}
    return {name: text for name, text in found.items() if text}


def _text(element: Mapping[str, Any]) -> str:
    if option := part(element, "selected_option"):
        return word(option, "value")
    if parts(element, "selected_options"):
        return TRUE
    return word(element, "value")
