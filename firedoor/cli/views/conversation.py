"""What was said in Slack during a drill, for a terminal: who speaks, who does something, what only one person saw."""

import re
from collections.abc import Sequence

from rich.text import Text

#: The first line of a message or an act: the time, and who it is.
SPOKEN = re.compile(r"(?P<time> *\d\d:\d\d:\d\d)  (?P<does>▸ )?(?P<who>[^:, ]+(?:, only to [^:]+)?)")


def conversation(lines: Sequence[str]) -> Text:
    """The lines as they are, with channels and names in bold, times and what is private dim, acts in colour."""
    shown = Text()
    style = ""
    for line in lines:
        text = Text(line)
        found = SPOKEN.match(line)
        if line.startswith("#"):
            text.stylize("bold")
        elif found:
            style = "cyan" if found["does"] else "dim" if ", only to " in found["who"] else ""
            text.stylize(style)
            text.stylize("dim", *found.span("time"))
            text.stylize("bold", *found.span("who"))
        else:
            text.stylize(style)
        shown.append_text(text).append("\n")
    return shown
