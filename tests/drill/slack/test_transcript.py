"""A conversation as lines."""

import re

from firedoor.drill.slack.lines import block_lines
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import View
from firedoor.drill.slack.transcript import modal_lines, transcript
from firedoor.drill.slack.workspace import ALICE, BOB, INCIDENTS, SECRET
from tests.slack_said import JSON, Client, actions, button, modal, plain, section, text_input


def untimed(lines: list[str]) -> list[str]:
    """Lines without the time of day."""
    return [re.sub(r"^(\s*)\d\d:\d\d:\d\d", r"\1TIME", line) for line in lines]


async def conversation(slack: LocalSlack, client: Client) -> None:
    """An incident, told in #incidents."""
    await client.conversations_setTopic(channel=INCIDENTS, topic="AWS key leaked")
    await client.bookmarks_add(channel_id=INCIDENTS, title="Timeline", type="link", link="https://x.example/")
    rows = [{"type": "header", "text": plain("AWS key leaked")}, actions(button("a", "Approve"), button("d", "Deny"))]
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=rows)
    slack.act.say(ALICE, INCIDENTS, "looks real", thread=posted["ts"])
    await client.chat_postEphemeral(channel=INCIDENTS, user=BOB, text="Not you.", thread_ts=posted["ts"])
    await client.chat_postEphemeral(channel=INCIDENTS, user=BOB, text="You may not\napprove.")
    await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="y", blocks=[section("Contained.")])
    await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="y", blocks=[section("Closed.")])
    await client.reactions_add(channel=INCIDENTS, timestamp=posted["ts"], name="tada")
    gone = await client.chat_postMessage(channel=INCIDENTS, text="wrong")
    await client.chat_delete(channel=INCIDENTS, ts=gone["ts"])
    await client.files_upload_v2(content="a", filename="export.csv", channel=INCIDENTS, initial_comment="The export")
    await client.conversations_archive(channel=INCIDENTS)


async def test_all_that_was_ever_there(slack: LocalSlack, client: Client) -> None:
    """Threads are indented, ephemeral and deleted messages marked, an edited one as it is now."""
    await conversation(slack, client)
    assert untimed(transcript(slack.workspace, INCIDENTS)) == [
        "#incidents: AWS key leaked",
        "  bookmark Timeline: https://x.example/",
        "TIME  firedoor: Closed. (edited 2 times)",
        "          :tada: 1",
        "  TIME  alice: looks real",
        "  TIME  firedoor, only to bob: Not you.",
        "TIME  firedoor, only to bob: You may not",
        "          approve.",
        "TIME  firedoor: wrong (deleted)",
        "TIME  firedoor: The export",
        "          file export.csv",
        "(archived)",
    ]


async def test_as_one_person_saw_it(slack: LocalSlack, client: Client) -> None:
    """Nothing that was for others, nothing that was deleted."""
    await conversation(slack, client)
    lines = untimed(transcript(slack.workspace, INCIDENTS, viewer=ALICE))
    assert [line for line in lines if "bob" in line or "wrong" in line] == []
    assert "TIME  firedoor: Closed. (edited 2 times)" in lines
    assert "  TIME  firedoor, only to bob: Not you." in untimed(transcript(slack.workspace, INCIDENTS, viewer=BOB))
    assert transcript(slack.workspace, SECRET, viewer="U0DAVE0000") == ["#secret"]


async def test_with_what_each_message_said_before(slack: LocalSlack, client: Client) -> None:
    """One after the other, with the time at which it was said."""
    await conversation(slack, client)
    lines = untimed(transcript(slack.workspace, INCIDENTS, history=True))
    assert lines[2:6] == [
        "TIME  firedoor: AWS key leaked",
        "          [Approve] [Deny]",
        "TIME  firedoor: Contained. (edited)",
        "TIME  firedoor: Closed. (edited)",
    ]


def test_blocks_of_all_kinds() -> None:
    """What can be pressed stands in brackets, what can be filled in as a line."""
    rich = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "see "}, {"type": "link", "url": "https://x.example/"}],
            }
        ],
    }
    choice: JSON = {
        "type": "static_select",
        "action_id": "s",
        "options": [{"text": plain(one), "value": one} for one in "ab"],
    }
    blocks: list[JSON] = [
        section("text\nmore") | {"accessory": button("b", "Look")},
        {"type": "section", "fields": [plain("f1"), plain("f2")]},
        {"type": "divider"},
        {"type": "context", "elements": [plain("c1"), {"type": "image", "image_url": "x", "alt_text": "cat"}]},
        {"type": "image", "image_url": "x", "alt_text": "dog"},
        actions(choice, choice | {"placeholder": plain("Choose")}, {"type": "users_select", "action_id": "u"}),
        text_input("why", optional=True) | {"optional": True},
        {"type": "plan", "title": "Plan", "tasks": [{"type": "task_card", "task_id": "1", "title": "Look", "status": "complete", "output": rich}]},
        {"type": "task_card", "task_id": "2", "title": "Cut", "status": "error"},
        {"type": "plan", "title": "Nothing"},
        rich,
        {"type": "table", "rows": [[{"type": "raw_text", "text": "1"}, {"type": "raw_text", "text": "2"}], ["x"]]},
        {"type": "markdown", "text": "# m"},
        {"type": "card"},
    ]  # fmt: skip
    assert block_lines(blocks) == [
        "text",
        "more",
        "[Look]",
        "f1",
        "f2",
        "―" * 20,
        "c1 · (image: cat)",
        "(image: dog)",
        "[a / b ▾] [Choose ▾] [users_select ▾]",
        "Why (optional): ____",
        "Plan",
        "● Look",
        "  see https://x.example/",
        "✗ Cut",
        "Nothing",
        "see https://x.example/",
        "1 | 2",
        "",
        "# m",
        "(card)",
    ]


def test_a_modal() -> None:
    """Title, inputs, buttons."""
    view = View("V1", ALICE, modal(text_input("why"), close=plain("Cancel")), "h", "V1")
    assert modal_lines(view) == ["┌ Ask", "│ Why: ____", "└ [Cancel] [Send]"]


async def test_a_message_of_nothing(slack: LocalSlack, client: Client) -> None:
    """An attachment alone has no words here."""
    await client.chat_postMessage(channel=INCIDENTS, text="", attachments=[{"fallback": "x"}])
    posted = await client.chat_postMessage(channel=INCIDENTS, text="a")
    await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="b")
    assert untimed(transcript(slack.workspace, INCIDENTS))[1:] == [
        "TIME  firedoor: (nothing)",
        "TIME  firedoor: b (edited)",
    ]
