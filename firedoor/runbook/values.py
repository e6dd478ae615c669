"""The values of the language: durations, names, times of day, ways to a customer; as written → as meant.

Each type says how it is read and what an editor is told of it. A mistake is pydantic's own error or a
`PydanticCustomError`, which `firedoor.runbook.parser` makes a sentence of.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
)
from pydantic import WithJsonSchema as JsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DAY = 86400
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": DAY}
DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
#: Words that CEL reserves: no name may be one.
RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    )
)
LOCAL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
NAME_PATTERN = "^[a-z][a-z0-9_]*$"
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
ROLE_PATTERN = "^role:[a-z][a-z0-9_-]*$"
#: The role that `break_glass: true` means.
BREAK_GLASS = "break-glass"
Channel = Literal["slack", "email", "webhook"]
#: The ways to a customer, in the order in which `all` uses them.
CHANNELS: tuple[Channel, ...] = ("slack", "email", "webhook")
CHANNEL_FORMS = "[slack, email]: the first that reaches the customer; {all: [slack, email]}: both; `all`: every one"
RUNBOOK_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Duration:
    """The type of `30s`, `5m`, `2h`, `1d`: seconds between `least` and `most`, which `words` says for a person."""

    least: int
    most: int
    words: str

    def parse(self, value: Any) -> int:
        """Seconds of a duration as written."""
        match = DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise PydanticCustomError("bad_duration", "is not a duration")
        seconds = int(match[1]) * SECONDS[match[2]]
        if not self.least <= seconds <= self.most:
            raise PydanticCustomError("out_of_bounds", "must be {words}", {"words": self.words})
        return seconds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[1-9][0-9]{0,6}[smhd]$", "examples": ["30s", "5m", "2h", "1d"]}


def written(seconds: int) -> str:
    """A duration as a runbook would say it, in the largest unit that is exact."""
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % SECONDS[unit] == 0)
    return f"{seconds // SECONDS[unit]}{unit}"


def _check_name(value: Any) -> Any:
    if isinstance(value, str) and (not NAME.fullmatch(value) or value in RESERVED):
        raise PydanticCustomError("bad_name", "`{name}` is not a usable name", {"name": value})
    return value


def _check_runbook_name(value: Any) -> Any:
    if isinstance(value, str) and (not RUNBOOK_NAME.fullmatch(value) or len(value) > 100):
        raise PydanticCustomError("bad_runbook_name", "`{name}` is not a usable name", {"name": value})
    return value


def _check_local_time(value: Any) -> Any:
    if not isinstance(value, str) or not LOCAL_TIME.fullmatch(value):
        raise PydanticCustomError("not_allowed", "is not allowed", {"allowed": "hours and minutes: 22:00"})
    return value


def _as_condition(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _as_role(value: Any) -> str:
    if isinstance(value, bool):
        return BREAK_GLASS if value else ""
    if not isinstance(value, str) or not re.fullmatch(ROLE_PATTERN[1:-1], value):
        allowed = f"true (the role `{BREAK_GLASS}`), false, or role:NAME"
        raise PydanticCustomError("not_allowed", "is not allowed", {"allowed": allowed})
    return value.removeprefix("role:")


@dataclass(frozen=True, slots=True)
class Channels:
    """The ways to a customer: the first of them that reaches it, or `every` one.

    Written as a list, as `all`, or as `{all: [slack, email]}`.
    """

    of: tuple[str, ...]
    every: bool = False

    @classmethod
    def read(cls, value: Any, members: ValidatorFunctionWrapHandler) -> "Channels":
        """The three forms; mistakes in a member are noted at the member."""
        if value == "all":
            return cls(CHANNELS, every=True)
        if isinstance(value, dict) and set(value) == {"all"}:
            return cls(tuple(members(value["all"])), every=True)
        if not isinstance(value, list):
            raise PydanticCustomError("not_allowed", "is not allowed", {"allowed": CHANNEL_FORMS})
        return cls(tuple(members(value)))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(cls.read, handler.generate_schema(list[Channel]))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        some = {"type": "array", "items": {"enum": [*CHANNELS]}, "minItems": 1, "uniqueItems": True}
        both = {"type": "object", "properties": {"all": some}, "required": ["all"], "additionalProperties": False}
        return {"anyOf": [{"const": "all"}, some, both]}


Name = Annotated[str, BeforeValidator(_check_name), JsonSchema({"type": "string", "pattern": NAME_PATTERN})]
RunbookName = Annotated[
    str,
    BeforeValidator(_check_runbook_name),
    JsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9]*([-_][a-z0-9]+)*$", "maxLength": 100}),
]
Condition = Annotated[
    str, BeforeValidator(_as_condition), JsonSchema({"type": ["string", "boolean"], "description": "Bare CEL."})
]
Role = Annotated[
    str, BeforeValidator(_as_role, json_schema_input_type=bool | Annotated[str, Field(pattern=ROLE_PATTERN)])
]
LocalTime = Annotated[
    str,
    BeforeValidator(_check_local_time),
    JsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["22:00", "07:00"]}),
]
InputType = Literal["string", "integer", "boolean", "list"]


class Spec(BaseModel):
    """A part of the language: nothing unknown, nothing converted behind the author's back."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
