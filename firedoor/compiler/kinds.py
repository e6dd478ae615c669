"""Kinds: the static types of expressions, from pydantic annotations and from CEL.

Models become protobuf messages, made on the fly: CEL then checks fields inside lists and comprehensions too.
"""

import enum
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, struct_pb2, wrappers_pb2
from pydantic import BaseModel
from pydantic.fields import FieldInfo

PACKAGE = "firedoor"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: its CEL name, the kinds of its members (list, map), the model of a message."""

    name: str
    members: tuple["Kind", ...] = ()
    nullable: bool = False

    def words(self) -> str:
        """The type for a person."""
        if self.name == "LIST":
            return f"a list of {PLURALS.get(self.members[0].name, self.members[0].name.rpartition('.')[2])}"
        return WORDS.get(self.name) or f"one {self.name.rpartition('.')[2]}"

    def cel(self) -> Any:
        """The type for a CEL environment."""
        if self.name == "LIST":
            return cel.Type.List(self.members[0].cel())
        if self.name == "MAP":
            return cel.Type.Map(self.members[0].cel(), self.members[1].cel())
        if self.nullable and self.name in WRAPPERS:
            return cel.Type(f"google.protobuf.{WRAPPERS[self.name]}")
        return getattr(cel.Type, self.name, None) or cel.Type(self.name)


STRING, INT, DOUBLE, BOOL, DYN = Kind("STRING"), Kind("INT"), Kind("DOUBLE"), Kind("BOOL"), Kind("DYN")
#: A reference to a secret. An opaque message, so that no text can be made of it and nothing but its like takes it.
SECRET = Kind(f"{PACKAGE}.SecretReference")

WORDS = {
    "STRING": "a text",
    "INT": "a whole number",
    "UINT": "a whole number",
    "DOUBLE": "a decimal number",
    "BOOL": "true or false",
    "NULL": "null",
    "DYN": "any value",
    "MAP": "a mapping",
    "TIMESTAMP": "a point in time",
    "DURATION": "a duration",
    SECRET.name: "a reference to a secret",
}
PLURALS = {"STRING": "texts", "INT": "whole numbers", "DOUBLE": "decimal numbers", "DYN": "any values", "LIST": "lists"}
WRAPPERS = {"STRING": "StringValue", "INT": "Int64Value", "BOOL": "BoolValue", "DOUBLE": "DoubleValue"}
SCALARS: tuple[tuple[type, Kind], ...] = ((bool, BOOL), (int, INT), (float, DOUBLE), (str, STRING), (enum.Enum, STRING))
FIELD_TYPES = {"STRING": 9, "INT": 3, "BOOL": 8, "DOUBLE": 1}
MESSAGE_TYPE, REPEATED, OPTIONAL = 11, 3, 1

#: What turns into text inside a longer text.
PRINTABLE = frozenset({"STRING", "INT", "UINT", "DOUBLE", "BOOL", "DYN", "NULL", "TIMESTAMP", "DURATION"})


class _Messages:
    """Models as protobuf messages, each made once for the life of the process."""

    def __init__(self) -> None:
        self.pool = descriptor_pool.DescriptorPool()
        self.names: dict[type[BaseModel], str] = {}
        self.models: dict[str, type[BaseModel]] = {}
        for module in (struct_pb2, wrappers_pb2):
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        file = descriptor_pb2.FileDescriptorProto(name=f"{SECRET.name}.proto", package=PACKAGE, syntax="proto3")
        file.message_type.add(name=SECRET.name.rpartition(".")[2])
        self.pool.AddSerializedFile(file.SerializeToString())

    def kind(self, model: type[BaseModel]) -> Kind:
        """The message of a model. Inside itself a recursive model is any value."""
        if model not in self.names:
            self.names[model] = ""
            name = f"{PACKAGE}.{re.sub(r'[^A-Za-z0-9_]', '_', model.__name__)}"
            while name in self.models:
                name += "_"
            self._add(name, model)
            self.names[model], self.models[name] = name, model
        return Kind(self.names[model]) if self.names[model] else DYN

    def _add(self, name: str, model: type[BaseModel]) -> None:
        file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=PACKAGE, syntax="proto3")
        message = file.message_type.add(name=name.rpartition(".")[2])
        imports = {"google/protobuf/struct.proto", "google/protobuf/wrappers.proto"}
        for number, (field, info) in enumerate(model.model_fields.items(), 1):
            kind = kind_of_field(info)
            repeated = kind.name == "LIST" and kind.members[0].name != "LIST"
            inner = kind.members[0] if repeated else kind
            label = REPEATED if repeated else OPTIONAL
            if inner.name in FIELD_TYPES and not inner.nullable:
                message.field.add(name=field, number=number, type=FIELD_TYPES[inner.name], label=label)
                continue
            type_name = _message_name(inner)
            if type_name.startswith(f"{PACKAGE}."):
                imports.add(f"{type_name}.proto")
            message.field.add(name=field, number=number, type=MESSAGE_TYPE, type_name=f".{type_name}", label=label)
        file.dependency.extend(sorted(imports))
        self.pool.AddSerializedFile(file.SerializeToString())


def _message_name(kind: Kind) -> str:
    """The message type of a field that is no plain scalar. Maps and nested lists are checked at run time only."""
    if kind.name in WRAPPERS:
        return f"google.protobuf.{WRAPPERS[kind.name]}"
    return kind.name if kind.name.startswith(f"{PACKAGE}.") else "google.protobuf.Value"


_MESSAGES = _Messages()


def environment(variables: Mapping[str, Kind]) -> Any:
    """A CEL environment in which exactly these (qualified) names exist."""
    return cel.NewEnv(descriptor_pool=_MESSAGES.pool, variables={name: kind.cel() for name, kind in variables.items()})


def kind_of_field(info: FieldInfo) -> Kind:
    """The kind of a model's field."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and extra.get("secret_reference"):
        return SECRET
    return kind_of(info.annotation)


def kinds_of_model(model: type[BaseModel]) -> dict[str, Kind]:
    """Field → kind."""
    return {name: kind_of_field(info) for name, info in model.model_fields.items()}


def kind_of(annotation: Any) -> Kind:
    """The kind of what a type annotation describes, as JSON."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_of(arguments[0])
    if origin is Literal:
        return kind_of(type(arguments[0]))
    if origin in (Union, types.UnionType):
        return _union([one for one in arguments if one is not type(None)], nullable=type(None) in arguments)
    if origin in (list, tuple, set, frozenset):
        same = len(arguments) == 1 or (len(arguments) == 2 and arguments[1] is ...)
        return Kind("LIST", (kind_of(arguments[0]) if same else DYN,))
    if origin is dict:
        return Kind("MAP", (kind_of(arguments[0]), kind_of(arguments[1])))
    if not isinstance(annotation, type):
        return DYN
    if issubclass(annotation, BaseModel):
        return _MESSAGES.kind(annotation)
    return next((kind for base, kind in SCALARS if issubclass(annotation, base)), DYN)


def _union(members: list[Any], *, nullable: bool) -> Kind:
    kinds = {kind_of(member) for member in members}
    if len(kinds) != 1:
        return DYN
    (kind,) = kinds
    # A list or map that may be null cannot be compared with null once CEL knows that it is one.
    return DYN if nullable and kind.name in ("LIST", "MAP") else Kind(kind.name, kind.members, nullable)


@lru_cache(maxsize=1024)
def kind_of_cel(text: str) -> Kind:
    """The kind that `repr` of a CEL type names: `LIST<MAP<STRING, INT>>`."""
    name, _, rest = text.partition("<")
    if not rest:
        return Kind(name)
    parts, depth, part = [], 0, ""
    for char in rest[:-1]:
        depth += {"<": 1, ">": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    return Kind(name, tuple(kind_of_cel(one.strip()) for one in (*parts, part)))


def model_of(kind: Kind) -> type[BaseModel] | None:
    """The model behind a message."""
    return _MESSAGES.models.get(kind.name)


def fits(given: Kind, wanted: Kind) -> bool:
    """May a value of kind `given` go where `wanted` is expected? What cannot be said statically passes."""
    if "DYN" in (given.name, wanted.name):
        return True
    if given.name == "NULL":
        return wanted.nullable
    if given.name == wanted.name:
        return all(fits(one, other) for one, other in zip(given.members, wanted.members, strict=True))
    if {given.name, wanted.name} == {"INT", "DOUBLE"}:
        return wanted.name == "DOUBLE"
    source, target = model_of(given), model_of(wanted)
    if target is None:
        return source is not None and wanted.name == "MAP"
    if source is None:
        return given.name == "MAP"
    have = kinds_of_model(source)
    return all(
        fits(have[name], kind_of_field(info)) if name in have else not info.is_required()
        for name, info in target.model_fields.items()
    )
