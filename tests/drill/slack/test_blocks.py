"""The limits of blocks: one below is taken, one above is refused with the place."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.models.blocks import MarkdownBlock, PlanBlock, SectionBlock, TaskCardBlock

from firedoor.drill.slack.blocks import block_faults, check_view
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.workspace import INCIDENTS, NEW_BLOCKS
from tests.slack_said import JSON, Client, actions, button, confirm, modal, plain, refusal, section, text_input

ALL = set(NEW_BLOCKS)


def options(count: int, length: int = 1) -> list[JSON]:
    """Options with values of this length at least."""
    return [{"text": plain("x"), "value": f"{number:0{length}}"} for number in range(count)]


def select(count: int, **more: Any) -> JSON:
    """A select of so many options."""
    return {"type": "static_select", "action_id": "s", "options": options(count), **more}


#: What is limited: blocks of a size, the largest that is taken, the place of the fault.
LIMITED: dict[str, tuple[Callable[[int], list[Any]], int, str]] = {
    "blocks of a message": (lambda n: [{"type": "divider"}] * n, 50, "/blocks"),
    "text of a section": (lambda n: [section("x" * n)], 3000, "/blocks/0/text/text"),
    "fields of a section": (lambda n: [{"type": "section", "fields": [plain("x")] * n}], 10, "/blocks/0/fields"),
    "text of a field": (lambda n: [{"type": "section", "fields": [plain("x" * n)]}], 2000, "/blocks/0/fields/0/text"),
    "header": (lambda n: [{"type": "header", "text": plain("x" * n)}], 150, "/blocks/0/text/text"),
    "markdown": (lambda n: [{"type": "markdown", "text": "x" * n}], 12_000, "/blocks/0/text"),
    "context": (lambda n: [{"type": "context", "elements": [plain("x")] * n}], 10, "/blocks/0/elements"),
    "actions": (lambda n: [actions(*(button(f"b{one}") for one in range(n)))], 25, "/blocks/0/elements"),
    "context_actions": (
        lambda n: [{"type": "context_actions", "elements": [{"type": "feedback_buttons"}] * n}],
        5,
        "/blocks/0/elements",
    ),
    "text of a button": (lambda n: [actions(button("b", "x" * n))], 75, "/blocks/0/elements/0/text/text"),
    "value of a button": (lambda n: [actions(button("b", value="x" * n))], 2000, "/blocks/0/elements/0/value"),
    "url of a button": (lambda n: [actions(button("b", url="x" * n))], 3000, "/blocks/0/elements/0/url"),
    "action_id": (lambda n: [actions(button("b" * n))], 255, "/blocks/0/elements/0/action_id"),
    "block_id": (lambda n: [{"type": "divider", "block_id": "b" * n}], 255, "/blocks/0/block_id"),
    "options": (lambda n: [actions(select(n))], 100, "/blocks/0/elements/0/options"),
    "value of an option": (
        lambda n: [actions({"type": "static_select", "action_id": "s", "options": options(1, n)})],
        150,
        "/blocks/0/elements/0/options/0/value",
    ),
    "overflow": (
        lambda n: [actions({"type": "overflow", "action_id": "o", "options": options(n)})],
        5,
        "/blocks/0/elements/0/options",
    ),
    "title of a confirm dialog": (
        lambda n: [actions(button("b", confirm=confirm(title="x" * n)))],
        100,
        "/blocks/0/elements/0/confirm/title/text",
    ),
    "text of a confirm dialog": (
        lambda n: [actions(button("b", confirm=confirm(text="x" * n)))],
        300,
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "yes of a confirm dialog": (
        lambda n: [actions(button("b", confirm=confirm() | {"confirm": plain("x" * n)}))],
        30,
        "/blocks/0/elements/0/confirm/confirm/text",
    ),
    "rows of a table": (lambda n: [{"type": "table", "rows": [[plain("x")]] * n}], 100, "/blocks/0/rows"),
    "cells of a row": (lambda n: [{"type": "table", "rows": [[plain("x")] * n]}], 20, "/blocks/0/rows/0"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_of_blocks(name: str) -> None:
    """As much as the limit is taken, one more is refused at its place."""
    made, limit, place = LIMITED[name]
    assert block_faults(made(limit), ALL) == []
    faults = block_faults(made(limit + 1), ALL)
    assert len(faults) == 1
    assert faults[0].endswith(f"[json-pointer:{place}]")
    assert str(limit) in faults[0] or str(limit + 1) in faults[0]


WRONG: dict[str, tuple[Any, str]] = {
    "no list": ({"type": "section"}, "must be an array [json-pointer:/blocks]"),
    "no object": (["x"], "must be an object [json-pointer:/blocks/0]"),
    "an unknown type": ([{"type": "banner"}], "unsupported type: banner [json-pointer:/blocks/0/type]"),
    "a block_id twice": (
        [{"type": "divider", "block_id": "a"}] * 2,
        "block_id already used: a [json-pointer:/blocks/1/block_id]",
    ),
    "an action_id twice": ([actions(button("a"), button("a"))], "action_id already used: a [json-pointer:/blocks/0]"),
    "an empty section": ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    "an empty text": ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "text that is no string": (
        [{"type": "section", "text": {"type": "mrkdwn", "text": 1}}],
        "must be a string [json-pointer:/blocks/0/text/text]",
    ),
    "text that is no object": ([{"type": "section", "text": "x"}], "must be an object [json-pointer:/blocks/0/text]"),
    "a header in mrkdwn": (
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "must be one of the allowed values: plain_text [json-pointer:/blocks/0/text/type]",
    ),
    "emoji in mrkdwn": (
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
        "emoji is only for plain_text [json-pointer:/blocks/0/text/emoji]",
    ),
    "no elements": ([{"type": "actions"}], "missing required field: elements [json-pointer:/blocks/0]"),
    "an empty row": ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "elements that are no list": (
        [{"type": "actions", "elements": "x"}],
        "must be an array [json-pointer:/blocks/0/elements]",
    ),
    "an element that is no object": (
        [{"type": "actions", "elements": ["x"]}],
        "must be an object [json-pointer:/blocks/0/elements/0]",
    ),
    "an input in a row": (
        [actions({"type": "plain_text_input", "action_id": "t"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a style that Slack lacks": (
        [actions(button("b", style="green"))],
        "must be one of the allowed values: danger, primary [json-pointer:/blocks/0/elements/0/style]",
    ),
    "a confirm dialog that is no object": (
        [actions(button("b", confirm="x"))],
        "must be an object [json-pointer:/blocks/0/elements/0/confirm]",
    ),
    "a dialog in a style that Slack lacks": (
        [actions(button("b", confirm=confirm() | {"style": "green"}))],
        "must be one of the allowed values: danger, primary [json-pointer:/blocks/0/elements/0/confirm/style]",
    ),
    "an option that is no object": (
        [actions({"type": "static_select", "action_id": "s", "options": ["x"]})],
        "must be an object [json-pointer:/blocks/0/elements/0/options/0]",
    ),
    "a value twice": (
        [actions({"type": "static_select", "action_id": "s", "options": options(1) * 2})],
        "option values must be unique [json-pointer:/blocks/0/elements/0/options]",
    ),
    "a first choice that is no option": (
        [actions(select(1, initial_option={"text": plain("y"), "value": "y"}))],
        "must be one of the provided options [json-pointer:/blocks/0/elements/0/initial_option]",
    ),
    "no element": (
        [{"type": "input", "label": plain("x")}],
        "missing required field: element [json-pointer:/blocks/0/element]",
    ),
    "a row that is no list": ([{"type": "table", "rows": ["x"]}], "must be an array [json-pointer:/blocks/0/rows/0]"),
    "a status that Slack lacks": (
        [{"type": "task_card", "task_id": "1", "title": "x", "status": "done"}],
        "must be one of the allowed values: complete, error, in_progress, pending [json-pointer:/blocks/0/status]",
    ),
    "details in plain text": (
        [{"type": "task_card", "task_id": "1", "title": "x", "status": "error", "details": "x"}],
        "must be a rich_text block [json-pointer:/blocks/0/details]",
    ),
    "a task that is no object": (
        [{"type": "plan", "title": "x", "tasks": ["x"]}],
        "must be an object [json-pointer:/blocks/0/tasks/0]",
    ),
    "a level that Slack lacks": (
        [{"type": "alert", "text": plain("x"), "level": "panic"}],
        "must be one of the allowed values: default, error, info, success, warning [json-pointer:/blocks/0/level]",
    ),
    "an image without words": (
        [{"type": "image", "image_url": "https://x.example/x.png"}],
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_blocks(name: str) -> None:
    """Each is refused in Slack's words, at its place."""
    blocks, fault = WRONG[name]
    assert block_faults(blocks, ALL) == [fault]


def test_everything_that_firedoor_may_use_is_taken() -> None:
    """Blocks of all kinds, as slack_sdk's models write them."""
    card = TaskCardBlock(task_id="1", title="Look", status="complete", output={"type": "rich_text", "elements": []})
    blocks = [
        SectionBlock(text="x").to_dict(),
        PlanBlock(title="Plan", tasks=[card]).to_dict(),
        card.to_dict(),
        MarkdownBlock(text="x").to_dict(),
        {"type": "alert", "text": plain("x"), "level": "error"},
        {"type": "image", "image_url": "https://x.example/x.png", "alt_text": "x", "title": plain("x")},
        {"type": "context", "elements": [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "x"}]},
        section("x") | {"accessory": button("b")},
        actions(
            {"type": "static_select", "action_id": "g", "option_groups": [{"label": plain("x"), "options": options(2)}]}
        ),
        actions(select(2, placeholder=plain("Choose"), initial_option=options(1)[0])),
        text_input("why") | {"hint": plain("In a sentence.")},
        actions({"type": "radio_buttons", "action_id": "r", "options": [options(1)[0] | {"description": plain("x")}]}),
        {"type": "rich_text", "elements": []},
        {"type": "card"},
    ]
    assert block_faults(blocks, ALL) == []


@pytest.mark.parametrize("kind", sorted(NEW_BLOCKS))
async def test_new_blocks_only_where_the_workspace_has_them(slack: LocalSlack, client: Client, kind: str) -> None:
    """A plan, a task card, an alert, markdown … are an unsupported type until they are switched on."""
    block: JSON = {"type": kind, "title": "x", "task_id": "1", "status": "pending", "text": "x"}
    if kind == "alert":
        block["text"] = plain("x")
    refused = await refusal(client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[block]))
    assert refused["error"] == "invalid_blocks"
    assert refused["errors"] == [f"unsupported type: {kind} [json-pointer:/blocks/0/type]"]
    assert refused["response_metadata"]["messages"] == [f"[ERROR] {refused['errors'][0]}"]

    slack.workspace.features.add(kind)
    assert (await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[block]))["ok"]


WRONG_VIEWS: dict[str, tuple[Any, str]] = {
    "no object": ("x", "must provide an object [json-pointer:/view]"),
    "a long title": (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    "a long button": (
        modal(submit=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/submit/text]",
    ),
    "101 blocks": (modal(*[section("x")] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    "an input and no button": (
        modal(text_input("a"), submit=None),
        "missing required field: submit [json-pointer:/view]",
    ),
    "another type": (
        {"type": "page", "blocks": []},
        "must be one of the allowed values: modal, home [json-pointer:/view/type]",
    ),
    "long metadata": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "a table": (modal({"type": "table", "rows": [[]]}), "unsupported type: table [json-pointer:/view/blocks/0/type]"),
    "an action_id twice": (
        modal(actions(button("a"), button("a"))),
        "action_id already used: a [json-pointer:/view/blocks/0]",
    ),
}


@pytest.mark.parametrize("name", WRONG_VIEWS)
def test_wrong_modals(name: str) -> None:
    """Each is refused as `invalid_arguments`, with the place."""
    view, fault = WRONG_VIEWS[name]
    with pytest.raises(Refusal) as caught:
        check_view(view, ALL)
    assert caught.value.error == "invalid_arguments"
    assert caught.value.answer["response_metadata"]["messages"] == [f"[ERROR] {fault}"]


def test_a_modal_of_100_blocks_is_taken_and_one_of_250_kb_is_too_large() -> None:
    """The limits of a modal are others than those of a message."""
    check_view(modal(*[section("x")] * 100), set())
    with pytest.raises(Refusal, match="view_too_large"):
        check_view(modal(*[section("x" * 2_900)] * 90), set())
