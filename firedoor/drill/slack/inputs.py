"""What people put into the elements of a block, as Slack writes it into payloads, and checks that its clients make."""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.drill.slack.state import JSON, View


class NotPossible(Exception):
    """Something that Slack's own clients do not let a person do; the text is what they say."""


#: Element: the field that holds what was chosen, and the one that holds what it begins with.
SINGLE: Final = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
}
#: Elements with options: one is chosen, or several.
ONE_OPTION: Final = {"static_select", "radio_buttons", "overflow", "external_select"}
OPTIONS: Final = {"multi_static_select", "checkboxes"}


def chosen(element: JSON, value: Any) -> JSON:
    """What an element holds after `value` was put in: text, an id, the value of an option or a list of them."""
    kind = element["type"]
    if kind in ONE_OPTION:
        return {"type": kind, "selected_option": None if value is None else _option(element, value)}
    if kind in OPTIONS:
        return {"type": kind, "selected_options": [_option(element, one) for one in value or ()]}
    if kind not in SINGLE:
        return {"type": kind}
    return {"type": kind, SINGLE[kind][0]: value}


def initial(element: JSON) -> Any:
    """What an element begins with, in the words of `chosen`."""
    kind = element["type"]
    if kind in ONE_OPTION:
        return (element.get("initial_option") or {}).get("value")
    if kind in OPTIONS:
        return [one["value"] for one in element.get("initial_options") or ()]
    return element.get(SINGLE[kind][1]) if kind in SINGLE else None


def _option(element: JSON, value: Any) -> JSON:
    groups = element.get("option_groups") or ()
    options: list[JSON] = [*(element.get("options") or ()), *(one for group in groups for one in group["options"])]
    for option in options:
        if value in (option["value"], option["text"]["text"]):
            return option
    known = ", ".join(option["value"] for option in options)
    raise NotPossible(f"There is no option {value!r}, only {known}")


def fields(view: View) -> Iterator[tuple[JSON, JSON]]:
    """The elements of a view that hold a value, each with its block."""
    for block in view.said["blocks"]:
        elements = [block.get("element"), block.get("accessory"), *(block.get("elements") or ())]
        for one in elements:
            if isinstance(one, dict) and one.get("type") in {*SINGLE, *ONE_OPTION, *OPTIONS}:
                yield block, one


def state_of(view: View, given: JSON) -> JSON:
    """The `state.values` of a view. `given` is by `block_id` or `action_id`; an unknown name is `NotPossible`."""
    left, state = dict(given), JSON()
    for block, element in fields(view):
        value = initial(element)
        for name in (block["block_id"], element["action_id"]):
            if name in left:
                value = left.pop(name)
        state.setdefault(block["block_id"], {})[element["action_id"]] = chosen(element, value)
    if left:
        known = ", ".join(f"{block['block_id']} ({element['action_id']})" for block, element in fields(view))
        raise NotPossible(f"The modal has no input {min(left)}, only {known or 'none'}")
    return state


def check_inputs(view: View, state: JSON) -> None:
    """Refuse, as Slack's clients do, to submit what is missing, too short, too long or no number."""
    for block in view.said["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = state[block["block_id"]].get(element["action_id"], {}) if block["block_id"] in state else {}
        value = next((one for name, one in held.items() if name != "type"), None)
        label = block["label"]["text"]
        if value in (None, "", []):
            if not block.get("optional"):
                raise NotPossible(f"{label}: Please complete this required field.")
            continue
        _check_text(label, element, value)


def _check_text(label: str, element: JSON, value: Any) -> None:
    if element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            raise NotPossible(f"{label}: This field must be at least {element['min_length']} characters.")
        if len(value) > element.get("max_length", 3000):
            raise NotPossible(f"{label}: This field must be at most {element.get('max_length', 3000)} characters.")
    if element["type"] == "number_input":
        try:
            float(value)
        except ValueError:
            raise NotPossible(f"{label}: This field must be a number.") from None
