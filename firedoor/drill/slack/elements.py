"""What Slack takes inside of blocks: texts, buttons, selects, inputs, confirm dialogs."""

from collections.abc import Callable
from typing import Any, Final

from firedoor.drill.slack.state import JSON

ID_LENGTH: Final = 255
BUTTON_TEXT, BUTTON_VALUE, URL_LENGTH = 75, 2000, 3000
OPTIONS, OPTION_TEXT, OPTION_VALUE, OVERFLOW_OPTIONS, CHOICES = 100, 75, 150, 5, 10
PLACEHOLDER: Final = 150
CONFIRM: Final = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))


class Faults:
    """What was found wrong, in the words and with the JSON pointers of Slack."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, words: str, at: str) -> None:
        """Something is wrong at a place."""
        self.found.append(f"{words} [json-pointer:{at}]")

    def words(self, value: JSON, name: str, at: str, limit: int, *, required: bool = False) -> None:
        """A field that is plain text of a limited length."""
        text = value.get(name)
        if text is None:
            if required:
                self.add(f"missing required field: {name}", at)
        elif not isinstance(text, str):
            self.add("must be a string", f"{at}/{name}")
        elif len(text) > limit:
            self.add(f"must be less than {limit + 1} characters", f"{at}/{name}")
        elif required and not text:
            self.add("must be more than 0 characters", f"{at}/{name}")

    def listed(self, value: JSON, name: str, at: str, limit: int, *, least: int = 0) -> list[Any]:
        """A field that is a list of a limited length; empty if it is none."""
        items = value.get(name)
        if items is None:
            self.add(f"missing required field: {name}", at)
            return []
        if not isinstance(items, list):
            self.add("must be an array", f"{at}/{name}")
            return []
        if len(items) > limit:
            self.add(f"no more than {limit} items allowed", f"{at}/{name}")
        if len(items) < least:
            self.add(f"no fewer than {least} items allowed", f"{at}/{name}")
        return list(items)


def text_object(faults: Faults, value: Any, at: str, limit: int, *, plain: bool = False) -> None:
    """A text object, `plain_text` only where Slack takes no other."""
    if not isinstance(value, dict):
        name = at.rpartition("/")[2]
        faults.add("must be an object" if value is not None else f"missing required field: {name}", at)
        return
    allowed = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if value.get("type") not in allowed:
        faults.add(f"must be one of the allowed values: {', '.join(sorted(allowed))}", f"{at}/type")
    faults.words(value, "text", at, limit, required=True)
    if value.get("type") == "mrkdwn" and "emoji" in value:
        faults.add("emoji is only for plain_text", f"{at}/emoji")


def _confirm(faults: Faults, value: Any, at: str) -> None:
    if not isinstance(value, dict):
        faults.add("must be an object", at)
        return
    for name, limit in CONFIRM:
        text_object(faults, value.get(name), f"{at}/{name}", limit, plain=name != "text")
    if value.get("style", "primary") not in {"primary", "danger"}:
        faults.add("must be one of the allowed values: danger, primary", f"{at}/style")


def _button(faults: Faults, value: JSON, at: str) -> None:
    text_object(faults, value.get("text"), f"{at}/text", BUTTON_TEXT, plain=True)
    faults.words(value, "value", at, BUTTON_VALUE)
    faults.words(value, "url", at, URL_LENGTH)
    if value.get("style", "primary") not in {"primary", "danger"}:
        faults.add("must be one of the allowed values: danger, primary", f"{at}/style")


def _option(faults: Faults, value: Any, at: str) -> None:
    if not isinstance(value, dict):
        faults.add("must be an object", at)
        return
    text_object(faults, value.get("text"), f"{at}/text", OPTION_TEXT)
    faults.words(value, "value", at, OPTION_VALUE, required=True)
    if "description" in value:
        text_object(faults, value["description"], f"{at}/description", OPTION_TEXT)


def _options(limit: int) -> Callable[[Faults, JSON, str], None]:
    def rule(faults: Faults, value: JSON, at: str) -> None:
        groups = value.get("option_groups")
        if isinstance(groups, list) and "options" not in value:
            for number, group in enumerate(faults.listed(value, "option_groups", at, limit, least=1)):
                text_object(faults, group.get("label"), f"{at}/option_groups/{number}/label", OPTION_TEXT, plain=True)
                _all(faults, group, f"{at}/option_groups/{number}", limit)
        else:
            _all(faults, value, at, limit)
        initial = value.get("initial_option")
        if initial is not None and initial not in _flat(value):
            faults.add("must be one of the provided options", f"{at}/initial_option")

    return rule


def _all(faults: Faults, value: JSON, at: str, limit: int) -> None:
    options = faults.listed(value, "options", at, limit, least=1)
    for number, option in enumerate(options):
        _option(faults, option, f"{at}/options/{number}")
    values = [one.get("value") for one in options if isinstance(one, dict)]
    if len(set(values)) < len(values):
        faults.add("option values must be unique", f"{at}/options")


def _flat(value: JSON) -> list[Any]:
    groups = value.get("option_groups") or ()
    return [*(value.get("options") or ()), *(one for group in groups for one in group.get("options") or ())]


def _image(faults: Faults, value: JSON, at: str) -> None:
    if "slack_file" not in value:
        faults.words(value, "image_url", at, URL_LENGTH, required=True)
    faults.words(value, "alt_text", at, BUTTON_VALUE, required=True)


def _typed(faults: Faults, value: JSON, at: str) -> None:
    faults.words(value, "initial_value", at, URL_LENGTH)


def _any(faults: Faults, value: JSON, at: str) -> None:
    """Nothing of its own is looked at."""


_select = _options(OPTIONS)
#: Each element: what it needs, and in which kinds of block it may stand.
ELEMENTS: Final[dict[str, tuple[Callable[[Faults, JSON, str], None], str]]] = {
    "button": (_button, "section actions"),
    "static_select": (_select, "section actions input"),
    "multi_static_select": (_select, "section input"),
    "overflow": (_options(OVERFLOW_OPTIONS), "section actions"),
    "checkboxes": (_options(CHOICES), "section actions input"),
    "radio_buttons": (_options(CHOICES), "section actions input"),
    "users_select": (_any, "section actions input"),
    "multi_users_select": (_any, "section input"),
    "conversations_select": (_any, "section actions input"),
    "multi_conversations_select": (_any, "section input"),
    "channels_select": (_any, "section actions input"),
    "multi_channels_select": (_any, "section input"),
    "external_select": (_any, "section actions input"),
    "datepicker": (_any, "section actions input"),
    "timepicker": (_any, "section actions input"),
    "datetimepicker": (_any, "actions input"),
    "plain_text_input": (_typed, "input"),
    "number_input": (_typed, "input"),
    "email_text_input": (_typed, "input"),
    "url_text_input": (_typed, "input"),
    "rich_text_input": (_any, "input"),
    "file_input": (_any, "input"),
    "image": (_image, "section context"),
    "feedback_buttons": (_any, "context_actions"),
    "icon_button": (_any, "context_actions"),
}


def element(faults: Faults, value: Any, at: str, where: str) -> None:
    """An element of a block of the kind `where`."""
    if not isinstance(value, dict):
        faults.add("missing required field: element" if value is None else "must be an object", at)
        return
    kind = str(value.get("type", ""))
    rule, places = ELEMENTS.get(kind, (_any, ""))
    if where not in places.split():
        faults.add(f"unsupported type: {kind}", f"{at}/type")
        return
    faults.words(value, "action_id", at, ID_LENGTH)
    if "placeholder" in value:
        text_object(faults, value["placeholder"], f"{at}/placeholder", PLACEHOLDER, plain=True)
    if "confirm" in value:
        _confirm(faults, value["confirm"], f"{at}/confirm")
    rule(faults, value, at)
