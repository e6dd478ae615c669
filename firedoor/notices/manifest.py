"""`notice.toml`: what a notice is called, what it is for, and what a runbook has to tell it. Pure."""

import tomllib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from firedoor.errors import UsageError

#: A language, as a folder of a notice is named: `en`, `de`, `pt-BR`.
LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")]


class Variable(BaseModel):
    """A value that the runbook gives. `sample` stands for it in previews and checks; an `optional` one may be empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(min_length=1)
    optional: bool = False
    sample: str = ""


class Manifest(BaseModel):
    """A notice. `language` is the one for readers whose own it does not have; `hosts` may be linked to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=100)
    kind: Literal["security", "informational"] = "security"
    language: Language = "en"
    hosts: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+$")], ...] = ()
    variables: dict[VariableName, Variable] = {}

    def missing(self, values: dict[str, Any]) -> tuple[str, ...]:
        """The variables that have to be given and are not; in the notice's own language, where there are several."""
        owed = (name for name, one in self.variables.items() if not one.optional)
        given = {name: one.get(self.language) if isinstance(one, dict) else one for name, one in values.items()}
        return tuple(name for name in owed if given.get(name) in (None, ""))

    def unknown(self, values: dict[str, Any]) -> tuple[str, ...]:
        """What is given and is no variable of the notice."""
        return tuple(name for name in values if name not in self.variables)

    def samples(self) -> dict[str, str]:
        """A value for each variable, for previews and checks."""
        return {name: one.sample or f"«{one.description}»" for name, one in self.variables.items()}


def parse_manifest(text: str, place: str) -> Manifest:
    """The manifest of a notice. Raises `UsageError` with the file and the field that is wrong."""
    try:
        return Manifest.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{place} is not valid TOML: {error}.", next="Correct the file and try again.") from None
    except RecursionError:
        raise UsageError(f"{place} is nested too deeply.", next="Correct the file and try again.") from None
    except ValidationError as error:
        wrong = "; ".join(_wrong(one) for one in error.errors())
        allowed = "It has title, kind, language, hosts, and a table [variables.NAME] for each variable."
        raise UsageError(f"{place}: {wrong}.", next=allowed) from None


def _wrong(detail: ErrorDetails) -> str:
    name = ".".join(map(str, detail["loc"]))
    return f"there is no `{name}`" if detail["type"] == "extra_forbidden" else f"{name}: {detail['msg']}"
