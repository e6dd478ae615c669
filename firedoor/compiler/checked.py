"""What a checked CEL expression names and iterates over, read from its serialised form.

`Expression.serialize()` is a protobuf `Any` of `cel.expr.CheckedExpr`
(https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto). Its Python stubs are published nowhere,
so the few fields that matter are read off the wire here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

#: Field numbers of checked.proto and syntax.proto.
ANY_VALUE = 2
REFERENCES, TYPES, SOURCE, EXPRESSION = 2, 3, 5, 4
ENTRY_KEY, ENTRY_VALUE = 1, 2
REFERENCE_NAME, REFERENCE_OVERLOAD = 1, 3
TYPE_LIST = 6
SOURCE_POSITIONS = 4
EXPR_ID, EXPR_CONST, EXPR_SELECT, EXPR_CALL, EXPR_LIST, EXPR_STRUCT, EXPR_COMPREHENSION = 2, 3, 5, 6, 7, 8, 9
STRUCT_MESSAGE = 1
CALL_TARGET, CALL_FUNCTION, CALL_ARGUMENT = 1, 2, 3
COMPREHENSION_RANGE = 2
CONST_STRING = 6

Fields = list[tuple[int, "int | bytes"]]


@dataclass(frozen=True, slots=True)
class Checked:
    """`names`: every variable. The rest are offsets into the source, with what stands there.

    `unordered`: where a comprehension iterates over something that is not known to be a list. `messages`: where a
    message is built. `patterns`: the literal patterns given to `matches`.
    """

    names: frozenset[str]
    unordered: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()
    patterns: tuple[tuple[int, str], ...] = ()


def names_in(serialized: bytes) -> frozenset[str]:
    """The variables that an expression reads, qualified as declared."""
    found: set[str] = set()
    for number, value in _fields(_first(serialized, ANY_VALUE)):
        if number != REFERENCES or not isinstance(value, bytes):
            continue
        reference = _first(value, ENTRY_VALUE)
        if not _first(reference, REFERENCE_OVERLOAD):
            found.add(_first(reference, REFERENCE_NAME).decode())
    return frozenset(found)


def decode(serialized: bytes) -> Checked:
    """Everything that the compiler wants to know of an expression."""
    checked = _first(serialized, ANY_VALUE)
    lists: set[int] = set()
    positions: dict[int, int] = {}
    for number, value in _fields(checked):
        if (
            number == TYPES
            and isinstance(value, bytes)
            and _first(_first(value, ENTRY_VALUE), TYPE_LIST, absent=b"-") != b"-"
        ):
            lists.add(_number(value, ENTRY_KEY))
        elif number == SOURCE and isinstance(value, bytes):
            entries = (entry for field, entry in _fields(value) if field == SOURCE_POSITIONS)
            positions = {_number(entry, ENTRY_KEY): _number(entry, ENTRY_VALUE) for entry in entries}
    walk = _Walk(lists, positions)
    walk.expression(_first(checked, EXPRESSION))
    return Checked(names_in(serialized), tuple(walk.unordered), tuple(walk.messages), tuple(walk.patterns))


class _Walk:
    def __init__(self, lists: set[int], positions: dict[int, int]) -> None:
        self.lists, self.positions = lists, positions
        self.unordered: list[int] = []
        self.messages: list[int] = []
        self.patterns: list[tuple[int, str]] = []

    def expression(self, data: bytes) -> None:
        identity = _number(data, EXPR_ID)
        for number, value in _fields(data):
            if not isinstance(value, bytes) or number not in (
                EXPR_SELECT,
                EXPR_CALL,
                EXPR_LIST,
                EXPR_STRUCT,
                EXPR_COMPREHENSION,
            ):
                continue
            if number == EXPR_COMPREHENSION:
                over = _number(_first(value, COMPREHENSION_RANGE), EXPR_ID)
                if over not in self.lists:
                    self.unordered.append(self.positions.get(over, 0))
            elif number == EXPR_STRUCT and _first(value, STRUCT_MESSAGE):
                self.messages.append(self.positions.get(identity, 0))
            elif number == EXPR_CALL and _first(value, CALL_FUNCTION) == b"matches":
                self._pattern(value)
            for child in _children(number, value):
                self.expression(child)

    def _pattern(self, call: bytes) -> None:
        last = [value for number, value in _fields(call) if number == CALL_ARGUMENT and isinstance(value, bytes)][-1]
        text = _first(_first(last, EXPR_CONST), CONST_STRING, absent=b"")
        if text:
            self.patterns.append((self.positions.get(_number(last, EXPR_ID), 0), text.decode()))


def _children(number: int, data: bytes) -> Iterator[bytes]:
    """The expressions directly inside an expression of the kind that field `number` says."""
    places = {
        EXPR_SELECT: (1,),
        EXPR_CALL: (CALL_TARGET, CALL_ARGUMENT),
        EXPR_LIST: (1,),
        EXPR_COMPREHENSION: (2, 4, 5, 6, 7),
    }
    for field, value in _fields(data):
        if not isinstance(value, bytes):
            continue
        if number == EXPR_STRUCT and field == 2:
            yield from (inner for place, inner in _fields(value) if place in (3, 4) and isinstance(inner, bytes))
        elif field in places.get(number, ()):
            yield value


def _first(data: bytes, wanted: int, *, absent: bytes = b"") -> bytes:
    return next((value for number, value in _fields(data) if number == wanted and isinstance(value, bytes)), absent)


def _number(data: "int | bytes", wanted: int) -> int:
    if isinstance(data, int):
        return 0
    return next((value for number, value in _fields(data) if number == wanted and isinstance(value, int)), 0)


def _fields(data: bytes) -> Fields:
    """The fields of a protobuf message: varints as integers, the length-delimited ones as bytes."""
    found: Fields = []
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            found.append((number, value))
        elif wire == 2:
            length, at = _varint(data, at)
            found.append((number, data[at : at + length]))
            at += length
        else:
            at += 8 if wire == 1 else 4
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
