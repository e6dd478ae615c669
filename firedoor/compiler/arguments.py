"""`with`: arguments against the contract of an action, and inputs against the runbook that takes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firedoor.canonical import NotCanonicalError, check_canonical
from firedoor.compiler.checker import Checker, named
from firedoor.compiler.kinds import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    SECRET,
    STRING,
    Kind,
    fits,
    kind_of_field,
    kinds_of_model,
    model_of,
)
from firedoor.inputs import checked_input
from firedoor.plan import Input
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Path
from firedoor.steps._step import Step

INPUT_KINDS = {"string": STRING, "integer": INT, "boolean": BOOL, "list": Kind("LIST", (STRING,))}
LITERALS: dict[type, Kind] = {str: STRING, bool: BOOL, int: INT, float: DOUBLE, type(None): Kind("NULL")}
#: A language, as folders of notices are named.
TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
BY_LANGUAGE = "one text, or one for each language: {en: …, de: …}"


@dataclass(frozen=True, slots=True)
class Arguments:
    """Where arguments stand (`path` of the mapping, `owner` of what takes them), and the loop variable they may use."""

    checker: Checker
    path: Path
    owner: Path
    loop: tuple[str, Kind] | None = None

    def of_action(self, contract: type[Step], given: Mapping[str, Any]) -> set[str]:
        """Check the arguments of an action; returns the names that they read."""
        document, fields = self.checker.document, contract.model_fields
        self._unknown(given, list(fields), f"`{contract.action}`")
        for name, info in fields.items():
            if info.is_required() and name not in given:
                what = f"`{contract.action}` needs the argument `{name}`."
                document.add(Code.MISSING_ARGUMENT, self.owner, what, info.description or "")
        names: set[str] = set()
        literals: dict[str, Any] = {}
        for name in given.keys() & fields.keys():
            if not self._storable(given[name], (*self.path, name)):
                continue
            before = len(document.found)
            if has_template(given[name]) or isinstance(given[name], dict | list):
                names |= self._value(given[name], kind_of_field(fields[name]), (*self.path, name))
            if not has_template(given[name]) and len(document.found) == before:
                literals[name] = given[name]
        try:
            contract.model_validate(literals)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._note(contract, detail, literals, complete=literals.keys() == given.keys())
        return names

    def of_inputs(
        self, runbook: str, declared: Mapping[str, Input], given: Mapping[str, Any], missing: Code
    ) -> tuple[dict[str, Any], set[str]]:
        """Check inputs for a runbook; returns them (literals with their type, defaults added) and the names read."""
        self._unknown(given, list(declared), f"The runbook `{runbook}`")
        lacking = [name for name, one in declared.items() if one.required and name not in given]
        if lacking:
            what = f"`{runbook}` needs a value for {', '.join(f'`{name}`' for name in lacking)}."
            self.checker.document.add(
                missing, self.owner, what, "\n".join(declared[name].description for name in lacking[:1])
            )
        values = {name: one.default for name, one in declared.items() if not one.required}
        names: set[str] = set()
        for name in declared.keys() & given.keys():
            path = (*self.path, name)
            values[name] = given[name]
            if not self._storable(given[name], path):
                continue
            if has_template(given[name]):
                names |= self._value(given[name], INPUT_KINDS[declared[name].type], path)
                continue
            try:
                values[name] = checked_input(declared[name], given[name])
            except ValueError as error:
                self.checker.document.add(Code.WRONG_ARGUMENT, path, f"`{name}` {error}.", declared[name].description)
        return values, names

    def of_notice(self, notice: str, variables: Mapping[str, bool], given: Mapping[str, Any]) -> set[str]:
        """Check the variables of a notice (name → is it optional?); returns the names that they read."""
        self._unknown(given, list(variables), f"The notice `{notice}`")
        for name, optional in variables.items():
            if not optional and name not in given:
                what = f"The notice `{notice}` needs the variable `{name}`."
                self.checker.document.add(Code.MISSING_ARGUMENT, self.owner, what, f"with: {{{name}: …}}", key=True)
        return self.of_texts(given)

    def of_texts(self, given: Mapping[str, Any]) -> set[str]:
        """Check values that become a part of a text; returns the names that they read. Secrets are refused.

        A value may be given by language: `happened: {en: …, de: …}`.
        """
        names: set[str] = set()
        for name, value in given.items():
            path = (*self.path, name)
            if not self._storable(value, path):
                continue
            if not isinstance(value, dict):
                names |= self._text(name, value, path)
                continue
            for language, text in value.items():
                if TAG.fullmatch(str(language)):
                    names |= self._text(name, text, (*path, language))
                else:
                    what = f"`{name}` is a mapping, and `{language}` is no language."
                    self.checker.document.add(Code.WRONG_ARGUMENT, (*path, language), what, BY_LANGUAGE, key=True)
        return names

    def _text(self, name: str, value: Any, path: Path) -> set[str]:
        """One value of a notice: a text, a number, or a list of them."""
        members = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        if any(isinstance(one, dict | list) for _, one in members):
            what = f"`{name}` is nested; a notice prints texts, numbers, and lists of them."
            self.checker.document.add(Code.WRONG_ARGUMENT, path, what, BY_LANGUAGE)
            return set()
        names: set[str] = set()
        for index, text in members:
            if isinstance(text, str):
                names |= self.checker.template(text, path if index is None else (*path, index), printed=True)
        return names

    def _unknown(self, given: Mapping[str, Any], known: list[str], taker: str) -> None:
        for name in given:
            if name not in known:
                what = f"{taker} takes no `{name}`."
                allowed = choices(name, known) or "it takes none at all"
                self.checker.document.add(Code.UNKNOWN_ARGUMENT, (*self.path, name), what, allowed, key=True)

    def _storable(self, value: Any, path: Path) -> bool:
        try:
            check_canonical(value)
        except NotCanonicalError as error:
            decimal = "float" in str(error)
            what = "A plan holds no decimal numbers." if decimal else f"A plan cannot hold this: {error}."
            self.checker.document.add(Code.WRONG_ARGUMENT, path, what, "write a text ('0.5') or a whole number")
            return False
        return True

    def _note(self, contract: type[Step], detail: ErrorDetails, literals: Mapping[str, Any], *, complete: bool) -> None:
        loc: Path = detail["loc"]
        if loc and loc[0] not in literals:
            return
        if not loc:
            if complete:
                what = f"The arguments do not go together: {_reason(detail)}."
                self.checker.document.add(Code.WRONG_ARGUMENT, self.path, what, key=True)
            return
        info = contract.model_fields[str(loc[0])]
        if kind_of_field(info) == SECRET:
            what = f"`{loc[0]}` takes a reference to a secret, not a value."
            self.checker.document.add(Code.SECRET_IN_PLAIN, (*self.path, loc[0]), what, info.description or "")
            return
        name = ".".join(map(str, loc))
        what = f"`{name}` does not fit `{contract.action}`: {_reason(detail)}."
        allowed = info.description or ""
        if detail["type"] == "string_type" and isinstance(detail["input"], int | float):
            allowed = f"put it in quotes. {allowed}".strip()
        self.checker.document.add(
            Code.WRONG_ARGUMENT, (*self.path, *loc), what, allowed, key=detail["type"] == "extra_forbidden"
        )

    def _value(self, value: Any, kind: Kind, path: Path) -> set[str]:
        """Check a value that holds expressions somewhere."""
        if isinstance(value, str):
            return self.checker.template(value, path, kind, self.loop)
        if isinstance(value, list) and kind.name in ("LIST", "DYN"):
            member = kind.members[0] if kind.members else DYN
            return self._all((one, member, (*path, index)) for index, one in enumerate(value))
        if isinstance(value, dict) and kind.name in ("MAP", "DYN"):
            member = kind.members[1] if kind.members else DYN
            return self._all((one, member, (*path, name)) for name, one in value.items())
        if isinstance(value, dict) and (model := model_of(kind)):
            return self._object(value, model, path)
        given = LITERALS.get(type(value))
        if given is None or not fits(given, kind):
            words = given.words() if given else ("a list" if isinstance(value, list) else "a mapping")
            self.checker.document.add(
                Code.WRONG_ARGUMENT, path, f"This is {words}; `{named(path)}` takes {kind.words()}."
            )
        return set()

    def _object(self, value: Mapping[str, Any], model: type[BaseModel], path: Path) -> set[str]:
        kinds = kinds_of_model(model)
        for name in value.keys() - kinds.keys():
            what = f"There is no field `{name}` here."
            self.checker.document.add(Code.UNKNOWN_ARGUMENT, (*path, name), what, choices(name, kinds), key=True)
        for name, info in model.model_fields.items():
            if info.is_required() and name not in value:
                self.checker.document.add(
                    Code.MISSING_ARGUMENT, path, f"The field `{name}` is missing.", info.description or ""
                )
        return self._all((one, kinds[name], (*path, name)) for name, one in value.items() if name in kinds)

    def _all(self, members: Any) -> set[str]:
        names: set[str] = set()
        for value, kind, path in members:
            names |= self._value(value, kind, path)
        return names


def has_template(value: Any) -> bool:
    """Does a value hold `${{` anywhere?"""
    if isinstance(value, str):
        return "${{" in value
    if isinstance(value, dict):
        return any(has_template(member) for member in value.values())
    return isinstance(value, list) and any(has_template(member) for member in value)


def _reason(detail: ErrorDetails) -> str:
    text = detail["msg"].removeprefix("Value error, ").rstrip(".")
    return text[:1].lower() + text[1:]
