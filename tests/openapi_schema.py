"""The schemas of an OpenAPI document as JSON Schema 2020-12, so that `jsonschema` can judge by them.

OpenAPI 3.0 and Swagger 2.0 are dialects of their own. Here `nullable` allows null wherever it stands, also beside `$ref`
(Braintrust means it so); a boolean `exclusiveMinimum` becomes a number; a `discriminator` with a mapping picks the
schema of its value, and where its property is missing any of them will do (GitHub and Mistral do not require it). A list
as `items` where nothing is an array is Slack's way to say `anyOf`. `{"type": "null"}` in a document of 3.0 (Braintrust) is what it is in JSON Schema.
"""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

OPEN, CLOSED = "urn:open", "urn:closed"
#: These hold one schema, a list of schemas, a schema for each name.
ONE = ("items", "additionalProperties", "not", "propertyNames")
LISTS = ("allOf", "anyOf", "oneOf")
NAMED = ("properties", "patternProperties")
#: They judge nothing, and examples may look like schemas.
SILENT = {"description", "title", "example", "examples", "default", "deprecated", "externalDocs", "xml", "nullable"}
#: How much of a value is shown.
WORDS = 300


def _uuid(value: Any) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value.lower()


def _moment(value: Any) -> bool:
    return not isinstance(value, str) or datetime.datetime.fromisoformat(value).tzinfo is not None


def _date(value: Any) -> bool:
    return not isinstance(value, str) or bool(datetime.date.fromisoformat(value))


def _uri(value: Any) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


#: Only what is judged here: what else `jsonschema` looks at depends on what is installed.
FORMATS = FormatChecker(formats=())
for _format, _check in (("uuid", _uuid), ("date-time", _moment), ("date", _date), ("uri", _uri)):
    FORMATS.checks(_format, raises=ValueError)(_check)


class Schemas:
    """Validators for the schemas of one document; each is made once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """`document` is of OpenAPI 3."""
        self._named: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
        registry: Registry[Any] = Registry()
        for base in (OPEN, CLOSED):
            named = {name: self._converted(schema, base) for name, schema in self._named.items()}
            registry = registry.with_resource(base, DRAFT202012.create_resource(named))
        self._registry = registry
        self._validators: dict[tuple[int, str], Draft202012Validator] = {}

    def fault(self, schema: Any, value: Any) -> str:
        """What is wrong with a value by the schema, with what the schema does not declare; empty if nothing is.

        `schema` must live as long as this does. What is declared is looked at first: its sentences say more.
        """
        for base in (OPEN, CLOSED):
            if error := best_match(self._validator(schema, base).iter_errors(value)):
                return f"{error.json_path}: {_short(error.message)}"
        return ""

    def _validator(self, schema: Any, base: str) -> Draft202012Validator:
        key = (id(schema), base)
        if key not in self._validators:
            self._validators[key] = Draft202012Validator(
                self._value(schema, base), registry=self._registry, format_checker=FORMATS
            )
        return self._validators[key]

    def _value(self, schema: Any, base: str) -> Any:
        """The schema of a whole value. If closed, an object has the properties that its schemas name, and no others."""
        converted = self._converted(schema, base)
        if base == CLOSED and self._names_properties(schema, frozenset()):
            return converted | {"unevaluatedProperties": False}
        return converted

    def _converted(self, schema: Any, base: str) -> Any:
        """A schema, open at its end: another may stand beside it in `allOf`."""
        if not isinstance(schema, Mapping):
            return schema
        if "$ref" in schema:
            result: dict[str, Any] = {"$ref": f"{base}#/{_name(schema['$ref'])}"}
        else:
            result = {
                keyword: self._keyword(keyword, value, base)
                for keyword, value in schema.items()
                if keyword not in SILENT and not keyword.startswith("x-")
            }
            _exclusive(result)
            self._choices(result, schema, base)
            if base == CLOSED and schema.get("type") == "object" and not {*NAMED, *LISTS} & schema.keys():
                result.setdefault("additionalProperties", True)
        return {"anyOf": [result, {"type": "null"}]} if schema.get("nullable") is True else result

    def _keyword(self, keyword: str, value: Any, base: str) -> Any:
        if keyword in NAMED:
            return {name: self._value(one, base) for name, one in value.items()}
        if keyword in LISTS:
            return [self._converted(one, base) for one in value]
        if keyword in ONE and isinstance(value, Mapping):
            return self._value(value, base)
        return value

    def _choices(self, result: dict[str, Any], schema: Mapping[str, Any], base: str) -> None:
        """Resolve a `discriminator` with a mapping, and a list as `items`."""
        if isinstance(schema.get("items"), list):
            several = {"anyOf": [self._converted(one, base) for one in result.pop("items")]}
            result |= {"items": several} if schema.get("type") == "array" else several
        discriminator = result.pop("discriminator", {})
        if mapping := discriminator.get("mapping"):
            name = discriminator["propertyName"]
            result["anyOf"] = result.pop("oneOf")
            result["properties"] = {name: {"enum": list(mapping)}}
            result["allOf"] = [
                {
                    "if": {"properties": {name: {"const": value}}, "required": [name]},
                    "then": self._converted({"$ref": reference}, base),
                }
                for value, reference in mapping.items()
            ]

    def _names_properties(self, schema: Any, seen: frozenset[str]) -> bool:
        """Whether a schema, or one that it is made of, names any property of an object."""
        if not isinstance(schema, Mapping):
            return False
        if "$ref" in schema:
            name = _name(schema["$ref"])
            return name not in seen and self._names_properties(self._named[name], seen | {name})
        parts: list[Any] = [part for keyword in LISTS for part in schema.get(keyword, ())]
        if isinstance(schema.get("items"), list) and schema.get("type") != "array":
            parts += schema["items"]
        return bool(schema.get("properties")) or any(self._names_properties(part, seen) for part in parts)


def _name(reference: str) -> str:
    """The name in a reference to a schema of the document."""
    parts = reference.split("/")
    assert parts[:-1] == ["#", "components", "schemas"], f"{reference} refers to something that is no named schema"
    return parts[-1]


def _exclusive(result: dict[str, Any]) -> None:
    for keyword, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(result.get(exclusive), bool):
            strict = result.pop(exclusive)
            if strict and keyword in result:
                result[exclusive] = result.pop(keyword)


def _short(text: str) -> str:
    return text if len(text) <= WORDS else f"{text[:WORDS]}…"


def readings(words: Sequence[str]) -> list[Any]:
    """What the words of one parameter may mean: themselves, a number, true or false; a list of these."""
    plain = [_parsed(word) for word in words]
    return [words[0], plain[0], list(words), plain] if len(words) == 1 else [list(words), plain]


def _parsed(word: str) -> Any:
    if word in {"true", "false"}:
        return word == "true"
    for number in (int, float):
        try:
            found = number(word)
        except ValueError:
            continue
        return found if word.strip() == word and "_" not in word else word
    return word
