"""What people are shown of a change before they approve it: every word that would be sent, and what is left out."""

from typing import Any

from firedoor.incident import Preview
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.drawing.threads import items
from tests.cli.pictures import REQUEST, VIEW
from tests.slack.drawing.test_blocks import ASKED, picture
from tests.slack.seen import judged, lines


def asked(after: dict[str, Any]) -> Picture:
    """An incident with one step that waits for approval of a change to these values."""
    preview = Preview(change="tell 3 customers", after=after)
    gate = ASKED.model_copy(update={"previews": (preview,), "request": REQUEST})
    return picture(VIEW.model_copy(update={"steps": (gate,)}))


def test_whoever_approves_a_notice_can_read_it() -> None:
    """The message has its subject and what there is to know; the thread and Details have every word, in its lines."""
    text = "\n".join(["Hello ‹your name›,", "", *(f"line {number} of what happened" for number in range(150))])
    counts = {f"cohort {name}": 1 for name in "abc"} | {f"exposure {name}": 1 for name in "def"}
    after = counts | {
        "to know": "12 were told before.",
        "subject": "Replace 1 key",
        "text": text,
        "content": "sha256 00",
    }
    told = asked(after)
    message = blocks.incident(told).blocks
    judged(message)
    words = "\n".join(lines(message))
    assert "to know → 12 were told before." in words
    assert "subject → Replace 1 key" in words
    [thread] = [one.blocks for one in items(told) if one.key.startswith("ask/")]
    for shown in (thread, blocks.step(told, told.view.steps[0])):
        judged(shown)
        words = "\n".join(lines(shown))
        assert "*text*\nHello ‹your name›,\n\nline 0 of what happened\nline 1 of what happened" in words
        assert "line 149 of what happened" in words


def test_what_is_not_shown_of_a_change_is_said() -> None:
    """Nobody approves values that they have not seen and do not know of."""
    told = asked({f"value {number}": number for number in range(20)})
    words = "\n".join(lines(blocks.incident(told).blocks))
    assert "value 11 → 11" in words
    assert "… and 8 values more: Details" in words
    assert "value 19 → 19" in "\n".join(lines(blocks.step(told, told.view.steps[0])))
