"""What Slack takes as blocks, and with which words it refuses the rest. `elements` are what stands inside of them.

Limits: the validators of slack_sdk 3.47 and docs.slack.dev/reference/block-kit; the 2000 characters of a field of a
section are not confirmed. The limit for the text of all blocks of a message together is not documented at all: it lies
between 9,597 characters, which were taken, and 11,341, which were `msg_blocks_too_long` (slackapi/bolt-js#2867).
"""

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from firedoor.drill.slack.elements import Faults, element, text_object
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.state import JSON
from firedoor.drill.slack.workspace import NEW_BLOCKS

IN_MESSAGE, IN_VIEW = 50, 100
ID_LENGTH: Final = 255
ALL_TEXT: Final = 10_000
VIEW_SIZE: Final = 250_000
ACTIONS_ELEMENTS, CONTEXT_ELEMENTS, CONTEXT_ACTIONS_ELEMENTS = 25, 10, 5
FIELDS, FIELD_LENGTH = 10, 2000
ROWS, CELLS = 100, 20
STATUSES = {"pending", "in_progress", "complete", "error"}
LEVELS = {"default", "info", "warning", "error", "success"}

Rule = Callable[[Faults, JSON, str], None]


def _section(faults: Faults, block: JSON, at: str) -> None:
    if "text" not in block and "fields" not in block:
        faults.add("missing required field: text", at)
    if "text" in block:
        text_object(faults, block["text"], f"{at}/text", 3000)
    fields = faults.listed(block, "fields", at, FIELDS, least=1) if "fields" in block else []
    for number, field in enumerate(fields):
        text_object(faults, field, f"{at}/fields/{number}", FIELD_LENGTH)
    if "accessory" in block:
        element(faults, block["accessory"], f"{at}/accessory", "section")


def _header(faults: Faults, block: JSON, at: str) -> None:
    text_object(faults, block.get("text"), f"{at}/text", 150, plain=True)


def _context(faults: Faults, block: JSON, at: str) -> None:
    for number, one in enumerate(faults.listed(block, "elements", at, CONTEXT_ELEMENTS, least=1)):
        where = f"{at}/elements/{number}"
        if isinstance(one, dict) and one.get("type") == "image":
            element(faults, one, where, "context")
        else:
            text_object(faults, one, where, 3000)


def _elements(limit: int, kind: str) -> Rule:
    def rule(faults: Faults, block: JSON, at: str) -> None:
        for number, one in enumerate(faults.listed(block, "elements", at, limit, least=1)):
            element(faults, one, f"{at}/elements/{number}", kind)

    return rule


def _input(faults: Faults, block: JSON, at: str) -> None:
    text_object(faults, block.get("label"), f"{at}/label", 2000, plain=True)
    if "hint" in block:
        text_object(faults, block["hint"], f"{at}/hint", 2000, plain=True)
    element(faults, block.get("element"), f"{at}/element", "input")


def _image(faults: Faults, block: JSON, at: str) -> None:
    element(faults, block, at, "context")
    if "title" in block:
        text_object(faults, block["title"], f"{at}/title", 2000, plain=True)


def _divider(faults: Faults, block: JSON, at: str) -> None:
    """Nothing can be wrong with it."""


def _markdown(faults: Faults, block: JSON, at: str) -> None:
    faults.words(block, "text", at, 12_000, required=True)


def _table(faults: Faults, block: JSON, at: str) -> None:
    for number, row in enumerate(faults.listed(block, "rows", at, ROWS, least=1)):
        if not isinstance(row, list):
            faults.add("must be an array", f"{at}/rows/{number}")
        elif len(row) > CELLS:
            faults.add(f"no more than {CELLS} items allowed", f"{at}/rows/{number}")


def _task_card(faults: Faults, block: JSON, at: str) -> None:
    faults.words(block, "task_id", at, ID_LENGTH, required=True)
    faults.words(block, "title", at, 3000, required=True)
    if block.get("status") not in STATUSES:
        faults.add(f"must be one of the allowed values: {', '.join(sorted(STATUSES))}", f"{at}/status")
    for name in ("details", "output"):
        if name in block and (not isinstance(block[name], dict) or block[name].get("type") != "rich_text"):
            faults.add("must be a rich_text block", f"{at}/{name}")


def _plan(faults: Faults, block: JSON, at: str) -> None:
    faults.words(block, "title", at, 3000, required=True)
    for number, task in enumerate(faults.listed(block, "tasks", at, IN_MESSAGE) if "tasks" in block else []):
        where = f"{at}/tasks/{number}"
        if not isinstance(task, dict):
            faults.add("must be an object", where)
        else:
            _task_card(faults, task, where)


def _alert(faults: Faults, block: JSON, at: str) -> None:
    text_object(faults, block.get("text"), f"{at}/text", 3000)
    if block.get("level", "default") not in LEVELS:
        faults.add(f"must be one of the allowed values: {', '.join(sorted(LEVELS))}", f"{at}/level")


def _rich_text(faults: Faults, block: JSON, at: str) -> None:
    faults.listed(block, "elements", at, 1000)


#: What each type of block needs. `card`, `carousel` and `container` are only looked at by name.
RULES: Final[dict[str, Rule]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _elements(ACTIONS_ELEMENTS, "actions"),
    "context_actions": _elements(CONTEXT_ACTIONS_ELEMENTS, "context_actions"),
    "input": _input,
    "image": _image,
    "divider": _divider,
    "markdown": _markdown,
    "table": _table,
    "task_card": _task_card,
    "plan": _plan,
    "alert": _alert,
    "rich_text": _rich_text,
    "card": _divider,
    "carousel": _divider,
    "container": _divider,
}
#: Not in a modal (docs.slack.dev/reference/block-kit/blocks: "Available in surfaces").
ONLY_MESSAGES = {"table", "markdown", "task_card", "plan", "context_actions"}


def block_faults(blocks: Any, features: set[str], *, at: str = "/blocks", modal: bool = False) -> list[str]:
    """What is wrong with blocks, in Slack's words with a JSON pointer; empty if nothing is."""
    faults = Faults()
    if not isinstance(blocks, list):
        faults.add("must be an array", at)
        return faults.found
    limit = IN_VIEW if modal else IN_MESSAGE
    if len(blocks) > limit:
        faults.add(f"no more than {limit} items allowed", at)
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        where = f"{at}/{number}"
        if not isinstance(block, dict):
            faults.add("must be an object", where)
            continue
        kind = str(block.get("type", ""))
        rule = RULES.get(kind)
        if rule is None or (kind in NEW_BLOCKS - features) or (modal and kind in ONLY_MESSAGES):
            faults.add(f"unsupported type: {kind}", f"{where}/type")
            continue
        faults.words(block, "block_id", where, ID_LENGTH)
        if block.get("block_id") and block["block_id"] in seen:
            faults.add(f"block_id already used: {block['block_id']}", f"{where}/block_id")
        seen.add(block.get("block_id", ""))
        rule(faults, block, where)
    return faults.found + _twice(blocks, at)


def _twice(blocks: list[Any], at: str) -> list[str]:
    """`action_id` must be unique within its block (docs.slack.dev/reference/block-kit/block-elements)."""
    found: list[str] = []
    for number, block in enumerate(one for one in blocks if isinstance(one, dict)):
        elements = [one for one in block.get("elements") or () if isinstance(one, dict)]
        ids = [one["action_id"] for one in elements if "action_id" in one]
        found += [f"action_id already used: {one} [json-pointer:{at}/{number}]" for one in ids if ids.count(one) > 1]
    return list(dict.fromkeys(found))


def check_message(blocks: Any, features: set[str]) -> list[JSON]:
    """The blocks of a message, or a refusal: `invalid_blocks`, `msg_blocks_too_long`."""
    if blocks in (None, ""):
        return []
    if found := block_faults(blocks, features):
        raise Refusal("invalid_blocks", messages=found, more={"errors": found})
    checked: list[JSON] = blocks
    if sum(_lengths(checked)) > ALL_TEXT:
        raise Refusal("msg_blocks_too_long")
    return checked


def _lengths(value: Any) -> Iterator[int]:
    """The lengths of the texts of blocks; `markdown` blocks have a limit of their own."""
    if isinstance(value, list):
        yield from itertools.chain.from_iterable(_lengths(one) for one in value)
    elif isinstance(value, dict) and value.get("type") != "markdown":
        for name, one in value.items():
            if name == "text" and isinstance(one, str):
                yield len(one)
            else:
                yield from _lengths(one)


def check_view(view: Any, features: set[str]) -> JSON:
    """A modal or a Home tab as an app gives it, or a refusal: `invalid_arguments`, `view_too_large`."""
    if not isinstance(view, dict):
        raise Refusal("invalid_arguments", messages=["must provide an object [json-pointer:/view]"])
    if len(json.dumps(view)) > VIEW_SIZE:
        raise Refusal("view_too_large")
    faults = Faults()
    if view.get("type") not in {"modal", "home"}:
        faults.add("must be one of the allowed values: modal, home", "/view/type")
    if view.get("type") == "modal":
        text_object(faults, view.get("title"), "/view/title", 24, plain=True)
    for name in ("submit", "close"):
        if view.get(name) is not None:
            text_object(faults, view[name], f"/view/{name}", 24, plain=True)
    faults.words(view, "callback_id", "/view", ID_LENGTH)
    faults.words(view, "private_metadata", "/view", 3000)
    blocks = view.get("blocks")
    inputs = isinstance(blocks, list) and any(isinstance(one, dict) and one.get("type") == "input" for one in blocks)
    if inputs and view.get("type") == "modal" and not view.get("submit"):
        faults.add("missing required field: submit", "/view")
    found = faults.found + block_faults(blocks, features, at="/view/blocks", modal=True)
    if found:
        raise Refusal("invalid_arguments", messages=found)
    return view


def with_ids(blocks: list[JSON], new_id: Callable[[], str]) -> list[JSON]:
    """Blocks as Slack keeps them: what has no `block_id` or `action_id` gets one."""
    kept = copy.deepcopy(blocks)
    for block in kept:
        block.setdefault("block_id", new_id())
        for one in (*(block.get("elements") or ()), block.get("accessory"), block.get("element")):
            if isinstance(one, dict) and one.get("type") not in {None, "mrkdwn", "plain_text", "image"}:
                one.setdefault("action_id", new_id())
    return kept
