"""Where a character of a scalar's value stands in the file: through quotes, escapes, folded lines and indentation."""

import re

#: A line break that double quotes swallow: `\` at the end of a line, and the indentation of the next.
CONTINUED = re.compile(r"\\[ \t]*(?:\r\n|[\n\r])[ \t]*")
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\r\n]*)?(?:\r\n|[\n\r])?")


def positions(raw: str, value: str) -> list[int] | None:
    """The offset in `raw` (a scalar as written) of each character of `value`; None if they cannot be aligned."""
    quote = raw[:1] if raw[:1] in ("'", '"') else ""
    header = BLOCK_HEADER.match(raw) if raw[:1] in ("|", ">") else None
    at = header.end() if header else len(quote)
    found: list[int] = []
    for char in value:
        here, after = _next(raw, at, char, quote)
        if here < 0:
            return None
        found.append(here)
        at = after
    return [*found, at]


def _next(raw: str, at: int, char: str, quote: str) -> tuple[int, int]:
    """Where `char` stands at or after `at`, and what comes after it; (-1, -1) if something else is there."""
    while quote == '"' and (swallowed := CONTINUED.match(raw, at)):
        at = swallowed.end()
    if quote == '"' and raw[at : at + 1] == "\\" and (escape := ESCAPE.match(raw, at)):
        return at, escape.end()
    if quote == "'" and raw.startswith("''", at) and char == "'":
        return at, at + 2
    if raw[at : at + 1] == char:
        return at, at + 1
    here = at
    while here < len(raw) and raw[here].isspace():
        here += 1
    if char.isspace():
        # One blank or break of the value stands for a fold: the break and the indentation around it.
        return (at, here) if here > at else (-1, -1)
    return (here, here + 1) if raw[here : here + 1] == char else (-1, -1)
