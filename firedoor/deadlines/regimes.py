"""Reading regimes: the file that ships, and the user's own above it."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firedoor.clock import MET, MOMENTS
from firedoor.deadlines.computing import problem_of
from firedoor.errors import UsageError
from firedoor.plan import Limit

FILE = Path(__file__).with_name("regimes.toml")
Confidence = Literal["source", "unverified"]


class LimitRow(BaseModel):
    """A limit, as a file says it: `firedoor.plan.Limit`, and nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: str
    amount: int = Field(default=0, ge=0, le=10_000)
    unit: Literal["hours", "days", "business_days", "months"] = "hours"
    zone: str = "UTC"
    calendar: str = ""
    at: str = ""


class Stage(BaseModel):
    """One thing that must be sent. What is empty is the regime's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    says: str = ""
    source: str = ""
    confidence: Confidence | None = None
    limits: tuple[LimitRow, ...] = Field(min_length=1)


class Regime(BaseModel):
    """A law or a rule, with what it wants sent. `reviewed` is when somebody looked last, `data` the file's version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    jurisdiction: str = ""
    source: str
    reviewed: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    confidence: Confidence = "source"
    stages: dict[str, Stage] = Field(min_length=1)
    data: str = ""


def regimes(own: str = "") -> dict[str, Regime]:
    """Every regime by its id; those of the file `own` stand before the shipped ones. Raises `UsageError`."""
    return {**shipped(), **(_read(Path(own).expanduser()) if own else {})}


@cache
def shipped() -> Mapping[str, Regime]:
    """The regimes that ship."""
    return _read(FILE)


def limits_of(stage: Stage) -> tuple[Limit, ...]:
    """The limits as a plan has them."""
    return tuple(Limit.model_validate(one.model_dump()) for one in stage.limits)


def _read(path: Path) -> dict[str, Regime]:
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        version = _version(values.pop("version", ""))
        found = {name: _regime(name, one, version) for name, one in values.items()}
        _check(found)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 among them
        raise _wrong(path, str(error)) from None
    except RecursionError:
        raise _wrong(path, "it is nested too deeply") from None
    return found


def _version(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError('it has no version: write version = "2026-11-23" at the top')


def _regime(name: str, value: Any, version: str) -> Regime:
    """One regime. Raises `ValueError` with the field that is wrong."""
    try:
        return Regime.model_validate({**value, "data": version} if isinstance(value, dict) else value)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join([name, *map(str, first['loc'])])}: {first['msg']}") from None


def _check(found: Mapping[str, Regime]) -> None:
    """Every limit starts at something that exists, and can be computed. Raises `ValueError`."""
    for name, regime in found.items():
        for key, stage in regime.stages.items():
            for limit in limits_of(stage):
                other = limit.after.removesuffix(MET)
                if limit.after not in MOMENTS and (not limit.after.endswith(MET) or other not in regime.stages):
                    allowed = ", ".join([*MOMENTS, *(f"{one}{MET}" for one in regime.stages if one != key)])
                    raise ValueError(f"{name}.{key}: {limit.after} starts nothing; there are {allowed}")
                if problem := problem_of(limit):
                    raise ValueError(f"{name}.{key}: {problem}")


def _wrong(path: Path, what: str) -> UsageError:
    next = "docs/how-to/clocks.md says what a file of regimes looks like."
    return UsageError(f"{path}: {what}.", changed="Nothing was started.", next=next)
