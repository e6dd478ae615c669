"""Expressions checked against what exists: CEL compiles them, and its complaints become diagnostics at their place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from firedoor.compiler.checked import Checked, decode, names_in
from firedoor.compiler.complaints import Complaint, Names, explain
from firedoor.compiler.kinds import BOOL, DYN, PRINTABLE, SECRET, STRING, Kind, environment, fits, kind_of_cel
from firedoor.expressions import TEMPLATE
from firedoor.inputs import pattern_problem
from firedoor.runbook.diagnostics import Code
from firedoor.runbook.document import Document, Path

ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?=\n \||\Z)", re.DOTALL)
#: What can hold a comprehension, a message or a pattern; the rest needs no walk over its tree.
INTRICATE = re.compile(r"\{|\.(?:map|filter|all|exists|exists_one)\s*\(|matches")
DOTTED = re.compile(r"[a-z_]\w*(?:\.[a-z_]\w*)*")
MAX_SOURCE = 10_000
HAS_HINT = 'instead of has(): the fields of a step that ran are always there; compare `steps.NAME.state` with "done"'


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression that compiles: its kind, and the qualified names that it reads."""

    kind: Kind
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands: the path of its text, and its offset therein."""

    path: Path
    start: int = 0


@dataclass(slots=True)
class Checker:
    """Checks the expressions of one document. `names` is everything that exists in it."""

    document: Document
    names: Names
    environments: dict[tuple[str, Kind] | None, Any] = field(default_factory=dict)
    compiled: dict[tuple[str, tuple[str, Kind] | None], Typed | tuple[Complaint, ...]] = field(default_factory=dict)

    def check(self, source: str, place: Place, loop: tuple[str, Kind] | None = None) -> Typed | None:
        """Check one bare expression; `loop` adds a variable. None if it does not compile (which is noted)."""
        key = (source, loop)
        if key not in self.compiled:
            self.compiled[key] = self._compile(source, loop)
        result = self.compiled[key]
        if isinstance(result, Typed):
            return result
        for complaint in result:
            span = self.document.within(place.path, place.start + complaint.start, place.start + complaint.end)
            self.document.add(complaint.code, span, complaint.message, complaint.allowed)
        return None

    def condition(self, source: str, path: Path, loop: tuple[str, Kind] | None = None) -> Typed | None:
        """A bare expression that must be true or false."""
        key = path[-1]
        if TEMPLATE.search(source):
            what = f"`{key}` takes a bare expression."
            self.document.add(Code.MISPLACED_EXPRESSION, path, what, "remove the `${{` and `}}`")
            return None
        start, bare = len(source) - len(source.lstrip()), source.strip()
        typed = self.check(bare, Place(path, start), loop)
        if typed and not fits(typed.kind, BOOL):
            what = f"`{key}` must be true or false; this is {typed.kind.words()}."
            span = self.document.within(path, start, start + len(bare))
            self.document.add(Code.EXPRESSION_TYPE, span, what, HAS_HINT if "has(" in bare else "")
        return typed

    def template(
        self,
        text: str,
        path: Path,
        wanted: Kind = STRING,
        loop: tuple[str, Kind] | None = None,
        *,
        printed: bool = False,
    ) -> set[str]:
        """A text with `${{ }}` in it; returns the names that it reads. `wanted` is the kind of the whole.

        What is `printed` is a part of a longer text, wherever it stands here: then a number will do as well.
        """
        names: set[str] = set()
        found = list(TEMPLATE.finditer(text))
        if text.count("${{") > len(found):
            what = "A `${{` is never closed, or what stands inside cannot be read."
            self.document.add(Code.MISPLACED_EXPRESSION, path, what, "${{ expression }}")
            return names
        whole = len(found) == 1 and found[0].group() == text.strip() and not printed
        for match in found:
            source = match.group(1)
            place = Place(path, match.start(1) + len(source) - len(source.lstrip()))
            typed = self.check(source.strip(), place, loop)
            if typed is None:
                continue
            names |= typed.names
            self._check_place(typed, wanted, place, len(source.strip()), whole=whole)
        if found and not whole and not fits(STRING, wanted):
            what = f"This is a text; `{path[-1]}` takes {wanted.words()}."
            self.document.add(Code.WRONG_ARGUMENT, path, what, "one `${{ }}` and nothing around it keeps its type")
        return names

    def plain(self, text: str, path: Path) -> None:
        """A text that is shown as it is: expressions in it would not be evaluated."""
        if "${{" in text:
            what = f"`{path[-1]}` is plain text: expressions in it are not evaluated."
            self.document.add(Code.MISPLACED_EXPRESSION, path, what, "`with` and the `prompt` of `ask` take `${{ }}`")

    def _check_place(self, typed: Typed, wanted: Kind, place: Place, length: int, *, whole: bool) -> None:
        if fits(typed.kind, wanted) if whole else typed.kind.name in PRINTABLE:
            return
        code = Code.SECRET_IN_PLAIN if SECRET in (typed.kind, wanted) else Code.WRONG_ARGUMENT
        what = f"This is {typed.kind.words()}; `{named(place.path)}` takes {wanted.words()}."
        if code is Code.SECRET_IN_PLAIN:
            hint = "secrets travel as references, from a result to an argument that takes one"
        elif not whole:
            what, hint = f"This is {typed.kind.words()}: it cannot be put into a text.", "size(…), or a field of it"
        else:
            hint = "string(…) makes a text of it" if wanted == STRING and typed.kind.name in PRINTABLE else ""
        span = self.document.within(place.path, place.start, place.start + length)
        self.document.add(code, span, what, hint)

    def _compile(self, source: str, loop: tuple[str, Kind] | None) -> Typed | tuple[Complaint, ...]:
        if not source:
            return (Complaint(Code.BAD_EXPRESSION, 0, 1, "There is no expression here."),)
        if len(source) > MAX_SOURCE:
            what = f"The expression has {len(source):,} characters; at most {MAX_SOURCE:,}."
            return (Complaint(Code.BAD_EXPRESSION, 0, len(source), what),)
        try:
            expression = self._environment(loop).compile(source)
        except RuntimeError as error:
            return self._complaints(str(error), source, loop)
        kind = kind_of_cel(repr(expression.return_type()))
        if DOTTED.fullmatch(source):
            return Typed(kind, frozenset((source,)))
        serialized = expression.serialize()
        if not INTRICATE.search(source):
            return Typed(kind, names_in(serialized))
        checked = decode(serialized)
        return tuple(self._objections(checked, source)) or Typed(kind, checked.names)

    def _objections(self, checked: Checked, source: str) -> Iterable[Complaint]:
        """What CEL takes and a runbook may not have."""
        vague = any(self.names.variables.get(name) == DYN for name in checked.names)
        for start in checked.unordered:
            if not vague:
                what = "This iterates over what is, or could be, a mapping: its order is not the same everywhere."
                yield Complaint(Code.MAP_ORDER, start, start + 1, what, "iterate over a list")
        for start in checked.messages:
            yield Complaint(
                Code.BAD_EXPRESSION, start, start + 1, "Messages cannot be built here.", "a map: {'key': value}"
            )
        for start, pattern in checked.patterns:
            if problem := pattern_problem(pattern):
                end = start + len(pattern) + 2 if source[start : start + 1] in ("'", '"') else start + 1
                yield Complaint(Code.BAD_PATTERN, start, end, f"The pattern is not RE2: {problem}.")

    def _environment(self, loop: tuple[str, Kind] | None) -> Any:
        if loop not in self.environments:
            variables = self.names.mentioned(self.document.text)
            self.environments[loop] = environment(variables | dict((loop,)) if loop else variables)
        return self.environments[loop]

    def _complaints(self, text: str, source: str, loop: tuple[str, Kind] | None) -> tuple[Complaint, ...]:
        starts = [0, *(match.end() for match in re.finditer(r"\r\n|[\n\r]", source))]
        found: list[Complaint] = []
        for line, column, message in ERROR.findall(text):
            at = starts[min(max(int(line), 1), len(starts)) - 1] + max(int(column), 1) - 1
            complaint = explain(message.strip(), source, min(at, len(source) - 1), self.names, loop)
            if complaint not in found:
                found.append(complaint)
        if not found:
            first = text.splitlines()[0].removeprefix("INVALID_ARGUMENT: ")
            found.append(Complaint(Code.BAD_EXPRESSION, 0, len(source), f"The expression does not compile: {first}"))
        # After a syntax error CEL guesses; only its first complaint means something.
        return tuple(found[:1] if found[0].code is Code.BAD_EXPRESSION else found)


def named(path: Path) -> str:
    """The name of what stands at a path: the last key, for a member of a list that of the list."""
    return next((part for part in reversed(path) if isinstance(part, str)), "")
