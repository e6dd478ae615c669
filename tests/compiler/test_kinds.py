"""Kinds: from annotations and from CEL, and what fits where."""

import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from firedoor.compiler.kinds import BOOL, DOUBLE, DYN, INT, STRING, Kind, environment, fits, kind_of, kind_of_cel
from tests.contracts import Token


class Colour(enum.StrEnum):
    """An enumeration of texts."""

    RED = "red"


class Tree(BaseModel):
    """A model that holds itself, lists of lists, and anything."""

    name: str
    children: "list[Tree]" = []
    grid: list[list[int]] = []
    anything: Any = None
    maybe: int | None = None


class Slim(BaseModel):
    """What a `Token` has, and less."""

    id: str


class Wider(BaseModel):
    """What a `Token` has, and more; the more can be left out."""

    provider: str
    id: str
    extra: str = ""


class Other(BaseModel):
    """The fields of a `Token`, of other types."""

    id: int


LIST, MAP = Kind("LIST", (STRING,)), Kind("MAP", (STRING, INT))


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (str, STRING),
        (Colour, STRING),
        (Literal["a", "b"], STRING),
        (Literal[1], INT),
        (Annotated[int, Field(ge=1)], INT),
        (bool, BOOL),
        (float, DOUBLE),
        (str | None, Kind("STRING", nullable=True)),
        (str | int, DYN),
        (list[str] | None, DYN),
        (tuple[str, ...], LIST),
        (tuple[str, int], Kind("LIST", (DYN,))),
        (frozenset[str], LIST),
        (dict[str, int], MAP),
        (Token, Kind("firedoor.Token")),
        (Any, DYN),
        (bytes, DYN),
    ],
)
def test_kinds_of_annotations(annotation: Any, kind: Kind) -> None:
    """What JSON makes of it."""
    assert kind_of(annotation) == kind


@pytest.mark.parametrize("text", ["STRING", "LIST<STRING>", "LIST<MAP<STRING, LIST<INT>>>", "MAP<STRING, INT>"])
def test_kinds_of_cel(text: str) -> None:
    """CEL's own words for types are read back."""
    assert repr(kind_of_cel(text).cel()) == text


def test_a_model_inside_itself() -> None:
    """Its first level is checked, what lies below is any value."""
    env = environment({"tree": kind_of(Tree)})
    for source in ("tree.children[0].any.thing", "tree.grid[0]", "tree.anything.x", "tree.maybe == null", "tree.name"):
        env.compile(source)
    with pytest.raises(RuntimeError, match="undefined field 'nme'"):
        env.compile("tree.nme")


def test_models_of_the_same_name() -> None:
    """Two contracts may have a `Token` each."""
    twin = type("Token", (BaseModel,), {"__annotations__": {"other": str}})
    assert kind_of(twin) == Kind("firedoor.Token_")
    assert kind_of(Token) == Kind("firedoor.Token")


@pytest.mark.parametrize(
    ("given", "wanted", "well"),
    [
        (STRING, STRING, True),
        (STRING, INT, False),
        (INT, DOUBLE, True),
        (DOUBLE, INT, False),
        (DYN, INT, True),
        (Kind("NULL"), STRING, False),
        (Kind("NULL"), Kind("STRING", nullable=True), True),
        (LIST, Kind("LIST", (INT,)), False),
        (Kind("LIST", (DYN,)), LIST, True),
        (LIST, MAP, False),
        (kind_of(Token), kind_of(Token), True),
        (kind_of(Token), kind_of(Slim), True),
        (kind_of(Token), kind_of(Wider), True),
        (kind_of(Slim), kind_of(Token), False),
        (kind_of(Token), kind_of(Other), False),
        (kind_of(Token), MAP, True),
        (MAP, kind_of(Token), True),
        (STRING, kind_of(Token), False),
    ],
)
def test_what_fits(given: Kind, wanted: Kind, *, well: bool) -> None:
    """Objects fit where all that is required of them is there."""
    assert fits(given, wanted) is well


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (STRING, "a text"),
        (LIST, "a list of texts"),
        (Kind("LIST", (kind_of(Token),)), "a list of Token"),
        (Kind("LIST", (LIST,)), "a list of lists"),
        (kind_of(Token), "one Token"),
        (MAP, "a mapping"),
        (Kind("BYTES"), "one BYTES"),
    ],
)
def test_words(kind: Kind, words: str) -> None:
    """Types for people who do not program."""
    assert kind.words() == words
