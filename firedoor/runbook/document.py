"""A YAML file whose every value knows its place.

YAML 1.2 core: `no` and `12:30:00` are text. No tags, no merge keys, no duplicate keys; anchors and aliases are fine as
long as what they expand to stays small.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.resolver import BaseResolver

from firedoor.runbook.diagnostics import Code, Diagnostic, RunbookErrors
from firedoor.runbook.positions import positions

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_VALUES = 200_000

#: The path of a value: mapping keys and list indexes from the top.
Path = tuple[str | int, ...]

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: What live secrets look like. A runbook must never hold one, and a diagnostic never shows it.
SECRET = re.compile(
    r"(?:sk-(?:ant-|proj-|svcacct-|or-v1-)[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}"
    r"|glpat-[\w-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
MAX_DIGITS = 30

SYNTAX_HINTS = {
    "mapping values are not allowed": "put a text that holds `: ` in quotes, and check the indentation",
    "did not find expected key": "check the indentation; put an expression that begins with a quote in quotes",
    "did not find expected ',' or": "inside { } and [ ] put texts with quotes, brackets or commas in quotes as a whole",
    "found undefined alias": "`*` begins an alias in YAML: define it with `&` earlier, or put the text in quotes",
    "found unexpected end of stream": "a quote or bracket is never closed",
    "found character that cannot start any token": "put the text in quotes",
    "but found another document": "one runbook a file: remove the `---`",
}

PLAIN, QUOTED, MAPPING, SEQUENCE = "plain", "quoted", "mapping", "sequence"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text, as character offsets; `end` is after the last one."""

    start: int
    end: int


@dataclass(slots=True)
class Document:
    """A runbook's text, its values, and the mistakes found so far."""

    file: str
    text: str
    root: yaml.Node | None = None
    value: Any = None
    found: dict[tuple[int, Code, str], Diagnostic] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    #: Where parts stand that the compiler moves: `steps.notify_escalation` is written in `steps.notify.campaign`.
    moved: dict[Path, Path] = field(default_factory=dict[Path, Path])

    def __post_init__(self) -> None:
        self.starts = [0, *(match.end() for match in BREAK.finditer(self.text))]

    def add(self, code: Code, place: Path | Span, message: str, allowed: str = "", *, key: bool = False) -> None:
        """Note a mistake at a path (`key`: at the key rather than the value) or at a stretch of the text."""
        span = place if isinstance(place, Span) else self.span(place, key=key)
        line = bisect_right(self.starts, span.start)
        start = self.starts[line - 1]
        source = BREAK.split(self.text[start : start + 2000], maxsplit=1)[0]
        end = min(span.end - start, len(source))
        column = span.start - start + 1
        self.found.setdefault(
            (span.start, code, message),
            Diagnostic(
                file=self.file,
                line=line,
                column=column,
                end_column=max(end + 1, column + 1),
                code=code,
                message=_masked(message),
                allowed=_masked(allowed),
                source=_masked(source),
            ),
        )

    def span(self, path: Path, *, key: bool = False) -> Span:
        """Where a value (or its key) stands; where the path ends early, the nearest thing above it."""
        node, name = self._find(path)
        return _span(name if key and name is not None else node)

    def within(self, path: Path, start: int, end: int) -> Span:
        """Where the characters `start` to `end` of the text at `path` stand; the whole text if that cannot be said."""
        node, _ = self._find(path)
        whole = _span(node)
        if not isinstance(node, yaml.ScalarNode):
            return whole
        found = positions(self.text[whole.start : whole.end], node.value)
        if found is None or start >= len(found):
            return whole
        first, last = found[start], found[min(end, len(found)) - 1]
        return Span(whole.start + first, whole.start + max(last, first) + 1)

    def diagnostics(self) -> list[Diagnostic]:
        """The mistakes, in the order of the file."""
        return sorted(self.found.values(), key=lambda one: (one.line, one.column))

    def check(self) -> None:
        """Raise `RunbookErrors` if there is a mistake."""
        if self.found:
            raise RunbookErrors(self.diagnostics())

    def _find(self, path: Path) -> tuple[yaml.Node | None, yaml.Node | None]:
        node, name = self.root, None
        written = self.moved.get(path[:2], path[:2])
        for part in (*written, *path[2:]):
            step = _member(node, part)
            if step is None:
                # A key that is missing is shown at the key of what lacks it: a whole block would be a wall of carets.
                return (name if name is not None else node), name
            name, node = step if step[0] is not None else (name, step[1])
        return node, name


def read(text: str, file: str) -> Document:
    """Parse YAML. Raises `RunbookErrors` where nothing can be made of it; other mistakes are noted in the document."""
    document = Document(file, text.removeprefix("\ufeff"))
    if len(text) > MAX_BYTES:
        document.add(Code.TOO_LARGE, Span(0, 1), f"The file has {len(text):,} characters; a runbook has at most 1 MiB.")
    elif bad := UNPRINTABLE.search(document.text):
        what = f"The character U+{ord(bad.group()):04X} cannot stand in a YAML file."
        document.add(Code.YAML_SYNTAX, Span(*bad.span()), what, "is this a text file in UTF-8?")
    else:
        _compose(document)
    document.check()
    _Reader(document).read()
    if not isinstance(document.value, dict):
        what = "The file is empty." if document.value is None else "The top level of a runbook is a mapping of keys."
        document.add(Code.NOT_A_MAPPING, Span(0, 1), what, "it needs at least `name` and `steps`")
        document.check()
    return document


class _Loader(CParser, BaseResolver):
    """libyaml's composer; tags say how a scalar was written, since the rules for plain scalars are our own."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        BaseResolver.__init__(self)
        self.depth = 0

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else QUOTED
        return MAPPING if kind is yaml.MappingNode else SEQUENCE

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            # The composer is recursive C: without this a file of brackets overflows its stack.
            mark = current_node.start_mark if current_node is not None else None
            raise _TooDeepError(problem=f"More than {MAX_DEPTH} levels.", problem_mark=mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _TooDeepError(yaml.MarkedYAMLError):
    pass


def _compose(document: Document) -> None:
    try:
        document.root = _Loader(document.text).get_single_node()
    except _TooDeepError as error:
        document.add(Code.TOO_LARGE, _mark_span(error), f"The file nests deeper than {MAX_DEPTH} levels.")
    except yaml.MarkedYAMLError as error:
        document.add(Code.YAML_SYNTAX, _mark_span(error), *_explain(document.text, error))


def _mark_span(error: yaml.MarkedYAMLError) -> Span:
    mark = error.problem_mark or error.context_mark
    return Span(mark.index, mark.index + 1) if mark else Span(0, 1)


def _explain(text: str, error: yaml.MarkedYAMLError) -> tuple[str, str]:
    problem = error.problem or "this is not YAML"
    at = _mark_span(error).start
    if text[at : at + 1] == "\t":
        return "A tab is used as indentation.", "indent with spaces"
    hint = next((hint for words, hint in SYNTAX_HINTS.items() if words in problem), "")
    return f"This is not valid YAML: {' '.join(part for part in (error.context, problem) if part)}.", hint


class _Reader:
    """Nodes → plain values. Shared nodes (aliases) are read once, and counted as often as they appear."""

    def __init__(self, document: Document) -> None:
        self.document = document
        #: id of a node → its value, how many values it expands to, its depth.
        self.known: dict[int, tuple[Any, int, int]] = {}
        self.open: set[int] = set()

    def read(self) -> None:
        root = self.document.root
        if root is None:
            return
        value, size, depth = self._value(root)
        if size > MAX_VALUES or depth > MAX_DEPTH:
            what = f"The file expands to {size:,} values in {depth} levels"
            limits = f"at most {MAX_VALUES:,} values in {MAX_DEPTH} levels"
            self.document.add(Code.TOO_LARGE, Span(0, 1), f"{what} through its aliases.", limits)
            self.document.check()
        self.document.value = value

    def _value(self, node: yaml.Node) -> tuple[Any, int, int]:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node), 1, 1
        known = self.known.get(id(node))
        if known is not None:
            return known
        if id(node) in self.open:
            self.document.add(Code.YAML_SYNTAX, _span(node), "This value contains itself through an alias.")
            self.document.check()
        self.open.add(id(node))
        self._check_tag(node, MAPPING if isinstance(node, yaml.MappingNode) else SEQUENCE)
        entry = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._sequence(node)
        self.open.discard(id(node))
        self.known[id(node)] = entry
        return entry

    def _sequence(self, node: Any) -> tuple[Any, int, int]:
        members = [self._value(member) for member in node.value]
        size = 1 + sum(member[1] for member in members)
        return [member[0] for member in members], size, 1 + max((member[2] for member in members), default=0)

    def _mapping(self, node: yaml.MappingNode) -> tuple[Any, int, int]:
        value: dict[str, Any] = {}
        lines: dict[str, int] = {}
        size, depth = 1, 0
        for key_node, member_node in node.value:
            key = self._key(key_node)
            member, member_size, member_depth = self._value(member_node)
            size, depth = size + member_size + 1, max(depth, member_depth)
            if key is None:
                continue
            if key in value:
                what = f"The key `{key}` stands here a second time (first in line {lines[key]})."
                self.document.add(Code.DUPLICATE_KEY, _span(key_node), what, "remove one of the two")
                continue
            value[key] = member
            lines[key] = key_node.start_mark.line + 1
        return value, size, depth + 1

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.document.add(Code.YAML_SYNTAX, _span(node), "A key is a word, not a list or a mapping.")
            return None
        if node.value == "<<" and node.tag == PLAIN:
            what = "Merge keys (`<<`) are not part of YAML 1.2."
            self.document.add(Code.YAML_SYNTAX, _span(node), what, "repeat the keys, or alias a whole value")
            return None
        self._check_tag(node, PLAIN)
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if SECRET.search(text):
            what = "This looks like a live secret. A runbook is read by many; secrets never stand in it."
            allowed = "revoke it, store the new one in a secret store, and pass a reference"
            self.document.add(Code.SECRET_IN_RUNBOOK, _span(node), what, allowed)
        if node.tag == PLAIN:
            return _resolved(text)
        if node.tag == QUOTED:
            return text
        self._check_tag(node, PLAIN)
        # `if: !steps.find.live` was meant as text; reading it so spares the author a second complaint.
        return f"{node.tag} {text}".strip()

    def _check_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag in (expected, PLAIN, QUOTED):
            return
        what = f"`{node.tag}` is a YAML tag; runbooks have none."
        self.document.add(
            Code.YAML_SYNTAX, _span(node), what, "put a text or expression that begins with `!` in quotes"
        )


def _resolved(text: str) -> Any:
    """A plain scalar by the YAML 1.2 core schema."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if len(text) <= MAX_DIGITS and (text[0].isdigit() or text[0] in "+-."):
        if INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if FLOAT.fullmatch(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _span(node: yaml.Node | None) -> Span:
    if node is None or node.start_mark is None or node.end_mark is None:
        return Span(0, 1)
    return Span(node.start_mark.index, max(node.end_mark.index, node.start_mark.index + 1))


def _member(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    return None


def _masked(text: str) -> str:
    return SECRET.sub(lambda match: match.group()[:4] + "*" * (len(match.group()) - 4), text)
