"""What somebody sees of blocks, as lines; and the judges of blocks: slack_sdk's models and the fake's limits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import Block as Model

from firedoor.drill.slack.blocks import ALL_TEXT, block_faults
from firedoor.drill.slack.workspace import NEW_BLOCKS
from firedoor.slack.drawing.markup import size


def lines(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The words of blocks from top to bottom; buttons in brackets."""
    return [line for block in blocks for line in _lines(block)]


def _lines(block: Mapping[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "actions":
            yield " ".join(f"[{one['text']['text']}]" for one in block["elements"])
        case "context":
            yield from (one["text"] for one in block["elements"])
        case "plan":
            yield block["title"]
            for task in block["tasks"]:
                said = task.get("details") or task.get("output")
                words = said["elements"][0]["elements"][0]["text"] if said else ""
                yield f"{task['status']}: {task['title']}{f' / {words}' if words else ''}"
        case "section" if "fields" in block:
            yield from (one["text"].replace("\n", " ") for one in block["fields"])
        case _:
            yield from block["text"]["text"].split("\n")


def dialogs(blocks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The texts of confirm dialogs by the label of their button."""
    every = [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
    return {one["text"]["text"]: one["confirm"]["text"]["text"] for one in every if "confirm" in one}


def judged(blocks: Sequence[Mapping[str, Any]]) -> None:
    """Slack takes these blocks. Raises `AssertionError`, and what slack_sdk's validators raise."""
    found = block_faults([{**one} for one in blocks], set(NEW_BLOCKS))
    assert not found, found
    assert size(list(blocks)) <= ALL_TEXT
    for one in blocks:
        model = Model.parse({**one})
        assert model is not None, one
        model.to_dict()
