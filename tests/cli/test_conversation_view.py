"""A conversation on a terminal: the words as they are, and who speaks to be seen at a glance."""

from rich.text import Text

from firedoor.cli.views.conversation import conversation

LINES = (
    "#incidents",
    "09:14:02  firedoor: ? Shut the gate (edited)",
    "          [Approve]",
    "  09:14:05  ▸ ada presses [Approve] at go, reads “Sure?”",
    "            It cannot be undone.",
    "  09:14:06  firedoor, only to ada: go is approved.",
)


def styled(text: Text, word: str) -> set[str]:
    """The styles of a word where it stands first."""
    at = text.plain.index(word)
    return {str(span.style) for span in text.spans if span.start <= at < span.end and span.style}


def test_words_are_kept_and_speakers_stand_out() -> None:
    """Channels and names in bold, times dim; what somebody does in colour, with what they read; what is private dim."""
    shown = conversation(LINES)
    assert shown.plain == "\n".join((*LINES, ""))
    assert styled(shown, "#incidents") == {"bold"}
    assert styled(shown, "09:14:02") == {"dim"}
    assert styled(shown, "firedoor: ?") == {"bold"}
    assert styled(shown, "[Approve]\n") == set()
    assert styled(shown, "ada presses") == {"bold", "cyan"}
    assert styled(shown, "It cannot") == {"cyan"}
    assert styled(shown, "go is approved") == {"dim"}
