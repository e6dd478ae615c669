"""CEL's complaints as sentences for the author of a runbook: what is wrong, and what is there instead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from firedoor.compiler.kinds import DYN, Kind, kinds_of_model, model_of
from firedoor.runbook.diagnostics import Code, choices

UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
NO_FIELD = re.compile(r"undefined field '([^']+)' not found in struct '([^']+)'")
NO_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '(.*)'$", re.DOTALL)
SYNTAX = re.compile(r"Syntax error: (.*)", re.DOTALL)

FUNCTIONS = (
    *("all", "contains", "double", "duration", "endsWith", "exists", "exists_one", "filter", "has", "int", "map"),
    *("matches", "size", "startsWith", "string", "timestamp"),
)
OPERATORS = {"_?_:_": "? :", "_[_]": "[ ]", "@in": "in", "!_": "!", "-_": "-", "_in_": "in"}
TYPES = {"string": "text", "int": "whole number", "double": "decimal number", "bool": "true/false"}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake in an expression; `start` and `end` are offsets into its source."""

    code: Code
    start: int
    end: int
    message: str
    allowed: str = ""


@dataclass(slots=True)
class Names:
    """What expressions may name. `steps` maps each step to its fields; `broken` steps have unknown ones."""

    steps: Mapping[str, Mapping[str, Kind]] = field(default_factory=dict)
    inputs: Mapping[str, Kind] = field(default_factory=dict)
    alert: Mapping[str, Kind] = field(default_factory=dict)
    incident: Mapping[str, Kind] = field(default_factory=dict)
    #: Whole roots or steps of which nothing is known, because they have mistakes of their own.
    broken: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()
    #: Steps that expressions read which stand nowhere in the text.
    implied: frozenset[str] = frozenset()
    #: The only thing that can be read: `customer`. Empty where there is more.
    only: str = ""

    @property
    def variables(self) -> dict[str, Kind]:
        """Every qualified name but those of steps."""
        groups = (("inputs", self.inputs), ("alert", self.alert), ("incident", self.incident))
        found = {f"{root}.{name}": kind for root, members in groups for name, kind in members.items()}
        return found | dict.fromkeys(self.broken, DYN)

    def mentioned(self, text: str) -> dict[str, Kind]:
        """The variables of an environment: of the steps only those that the text of the runbook mentions."""
        mentioned = self.implied | set(re.findall(r"\bsteps\s*\.\s*([a-z]\w*)", text))
        fields = {
            f"steps.{step}.{name}": kind
            for step, members in self.steps.items()
            if step in mentioned
            for name, kind in members.items()
        }
        return self.variables | fields


def explain(message: str, source: str, at: int, names: Names, loop: tuple[str, Kind] | None) -> Complaint:
    """A complaint of CEL about the character `at` of `source`."""
    if match := UNDECLARED.search(message):
        return _undeclared(match[1], source, at, names, loop)
    if match := NO_FIELD.search(message):
        model = model_of(Kind(match[2]))
        fields = kinds_of_model(model) if model else {}
        start, end = _word_after(source, at, match[1])
        return Complaint(
            Code.UNKNOWN_FIELD, start, end, f"There is no field `{match[1]}` here.", choices(match[1], fields)
        )
    if match := NO_OVERLOAD.search(message):
        return _overload(match[1], match[2], at)
    if match := SYNTAX.search(message):
        return _syntax(match[1], source, at)
    if "the range of a comprehension" in message:
        return Complaint(Code.EXPRESSION_TYPE, at, at + 1, "This is not a list: nothing can be iterated over.")
    if "operand of a select" in message:
        return Complaint(Code.UNKNOWN_FIELD, at, at + 1, "What stands before this dot has no fields.")
    return Complaint(Code.BAD_EXPRESSION, at, at + 1, f"The expression does not compile: {message}.")


def _syntax(message: str, source: str, at: int) -> Complaint:
    short = message.partition(" expecting ")[0].splitlines()[0]
    if "<EOF>" in short:
        return Complaint(Code.BAD_EXPRESSION, len(source) - 1, len(source), "The expression ends too early.")
    hint = "`==` compares" if source[at : at + 1] == "=" or " '='" in short else ""
    hint = hint or ("write && or ||" if re.search(r"\b(and|or)\b", source) else "")
    return Complaint(Code.BAD_EXPRESSION, at, at + 1, f"The expression does not compile: {short}.", hint)


def _overload(function: str, applied: str, at: int) -> Complaint:
    name = OPERATORS.get(function) or function.strip("_")
    given = re.sub(r"\b(string|int|double|bool)\b", lambda match: TYPES[match[1]], applied).replace("firedoor.", "")
    hint = ""
    if {"int", "double"} <= set(re.findall(r"\w+", applied)):
        hint = "write 7.0 where a decimal number is compared, or double(…)"
    elif function == "_+_" and "string" in applied:
        hint = "string(…) makes a text of a number"
    elif "SecretReference" in applied:
        return Complaint(Code.SECRET_IN_PLAIN, at, at + 1, f"`{name}` does not take a reference to a secret.")
    return Complaint(Code.EXPRESSION_TYPE, at, at + 1, f"`{name}` does not go with {given}.", hint)


def _undeclared(name: str, source: str, at: int, names: Names, loop: tuple[str, Kind] | None) -> Complaint:
    if source[at : at + 1] == "(":
        return Complaint(
            Code.BAD_EXPRESSION, at - len(name), at, f"There is no function `{name}`.", choices(name, FUNCTIONS)
        )
    # CEL points at the last dot of a qualified name.
    start = at - name.rfind(".") if "." in name else at
    end = start + len(name) if source[start : start + len(name)] == name else start + 1
    root, *path = name.split(".")
    if names.only:
        what = f"There is no `{root}` here: all that can be read is `{names.only}`."
        model = model_of(loop[1]) if loop else None
        fields = [f"{names.only}.{one}" for one in kinds_of_model(model)] if model else []
        return Complaint(Code.UNKNOWN_NAME, start, end, what, choices(f"{names.only}.{name}", fields))
    if root == "steps":
        return _undeclared_step(path, start, end, names)
    members = {"inputs": names.inputs, "alert": names.alert, "incident": names.incident}.get(root)
    if members is None:
        return _undeclared_root(root, start, end, loop, names)
    if root == "inputs" and names.alert:
        what = "`inputs` cannot be read here: a trigger decides before there are any."
        return Complaint(Code.UNKNOWN_NAME, start, end, what, choices("", names.alert))
    if not path:
        return Complaint(Code.UNKNOWN_NAME, start, end, f"`{root}` alone is no value.", choices("", members))
    if root == "alert" and not members:
        what = "`alert` is known in `triggers` only: people start runbooks without one."
        return Complaint(
            Code.UNKNOWN_NAME, start, end, what, "give it to an input in the trigger, and read `inputs.NAME`"
        )
    code = Code.UNKNOWN_INPUT if root == "inputs" else Code.UNKNOWN_FIELD
    what = f"There is no input `{path[0]}`." if root == "inputs" else f"`{root}` has no field `{path[0]}`."
    if root != "alert" and not members and root == "inputs":
        return Complaint(code, start, end, what, "declare it under `inputs`")
    return Complaint(code, start, end, what, choices(path[0], members))


def _undeclared_step(path: list[str], start: int, end: int, names: Names) -> Complaint:
    if not path:
        return Complaint(Code.UNKNOWN_NAME, start, end, "`steps` alone is no value.", "steps.NAME.FIELD")
    step, *rest = path
    fields = names.steps.get(step)
    if fields is None and not names.steps:
        what = "`steps` cannot be read here: no step has run when a trigger decides."
        return Complaint(Code.UNKNOWN_NAME, start, end, what, choices("", names.alert))
    if fields is None:
        return Complaint(Code.UNKNOWN_STEP, start, end, f"There is no step `{step}`.", choices(step, names.steps))
    if not rest:
        return Complaint(
            Code.UNKNOWN_FIELD,
            start,
            end,
            f"`steps.{step}` alone is no value; read a field of it.",
            choices("", fields),
        )
    return Complaint(
        Code.UNKNOWN_FIELD, start, end, f"The step `{step}` has no field `{rest[0]}`.", choices(rest[0], fields)
    )


def _undeclared_root(root: str, start: int, end: int, loop: tuple[str, Kind] | None, names: Names) -> Complaint:
    if root in names.loops:
        what = f"`{root}` is the element of a `for_each`; it is known in the `with` of that step only."
        return Complaint(Code.UNKNOWN_NAME, start, end, what)
    if root in names.steps:
        return Complaint(Code.UNKNOWN_NAME, start, end, f"There is no `{root}` here.", f"did you mean `steps.{root}`?")
    if root in names.inputs:
        return Complaint(Code.UNKNOWN_NAME, start, end, f"There is no `{root}` here.", f"did you mean `inputs.{root}`?")
    known = ["inputs", "alert"] if names.alert else ["inputs", "steps", "incident"]
    if loop:
        known.append(loop[0])
    return Complaint(
        Code.UNKNOWN_NAME, start, end, f"There is no `{root}` here.", f"{choices(root, known)}; texts go in quotes"
    )


def _word_after(source: str, at: int, word: str) -> tuple[int, int]:
    start = source.find(word, at)
    return (at, at + 1) if start < 0 else (start, start + len(word))
