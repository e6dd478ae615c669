"""A provider's official OpenAPI document, of the shared folder `specs`, as one shape: OpenAPI 3.

Swagger 2.0 (Slack) and Google's discovery documents are rewritten into it. What is known to be wrong upstream is said in `_slack` and in `openapi_schema`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.openapi_discovery import modern
from tests.shared import SHARED

FOLDER = SHARED / "specs"
FORM = "application/x-www-form-urlencoded"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


@dataclass(frozen=True)
class Operation:
    """What a document says about one call; `ids` are the parts of the path, as they were meant."""

    document: "Document"
    call: str
    item: Mapping[str, Any]
    said: Mapping[str, Any]
    ids: Mapping[str, str]

    @cached_property
    def parameters(self) -> list[Mapping[str, Any]]:
        """Its parameters, and those of all methods of its path."""
        resolved = self.document.resolved
        return [resolved(one) for one in (*self.item.get("parameters", ()), *self.said.get("parameters", ()))]

    @property
    def body(self) -> Mapping[str, Any]:
        """Its request body, empty if none is declared."""
        return self.document.resolved(self.said.get("requestBody", {}))

    @property
    def credentials(self) -> list[list[Mapping[str, Any]]]:
        """The ways to authenticate, each the schemes that it takes together.

        Where a document also allows none (Braintrust, everywhere), a client of ours is still to use its credential.
        """
        ways = self.said.get("security", self.document.data.get("security", []))
        schemes = self.document.data.get("components", {}).get("securitySchemes", {})
        return [[schemes[name] for name in way] for way in ways if way]

    def response(self, status: int) -> Mapping[str, Any] | None:
        """What is said about an answer of this status; None if nothing is."""
        responses = self.said["responses"]
        for name in (str(status), f"{status // 100}XX", "default"):
            if name in responses:
                return self.document.resolved(responses[name])
        return None


class Document:
    """A document; `prefix` is the path of its server, which our clients' paths have before the document's."""

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.name = path.name
        data = json.loads(path.read_text())
        if "discovery" in data:
            data = modern(data["discovery"])
        if "swagger" in data:
            data = _modern(_slack(data) if path.name.startswith("slack") else data)
        #: What Prism serves: the paths that clients really use.
        self.data: Mapping[str, Any] = data | {
            "paths": {prefix + template: item for template, item in data["paths"].items()}
        }
        templates = sorted(self.data["paths"], key=lambda template: template.count("{"))
        self._patterns = [(re.compile(_pattern(template)), template) for template in templates]

    def operation(self, method: str, path: str) -> Operation:
        """The operation of a path as it is on the wire. Raises `AssertionError` for one that the document lacks."""
        known: set[str] = set()
        for template, item, ids in self._matching(path):
            if said := item.get(method.lower()):
                return Operation(self, f"{method} {template}", item, said, ids)
            known |= {name.upper() for name in METHODS if name in item}
        assert known, f"{self.name} has no path {path}"
        raise AssertionError(f"{self.name} has no {method} {path}, only {', '.join(sorted(known))}")

    def resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """A parameter, body, response or header itself, where only a reference to it stands."""
        while "$ref" in value:
            found: Any = self.data
            for name in value["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            value = found
        return value

    def _matching(self, path: str) -> Iterator[tuple[str, Mapping[str, Any], dict[str, str]]]:
        for pattern, template in self._patterns:
            if match := pattern.fullmatch(path):
                names = re.findall(r"\{([^}]+)\}", template)
                ids = {name: unquote(value) for name, value in zip(names, match.groups(), strict=True)}
                yield template, self.data["paths"][template], ids


def _pattern(template: str) -> str:
    """`{path+}` (Braintrust's proxy) takes several segments, any other name one."""
    parts = re.split(r"(\{[^}]+\})", template)
    return "".join(
        ("(.+)" if part.endswith("+}") else "([^/]+)") if part.startswith("{") else re.escape(part) for part in parts
    )


def _slack(data: dict[str, Any]) -> dict[str, Any]:
    """Slack as it is, where the document, frozen in 2021, is narrower or looser.

    Every method takes GET and POST. The parameter `token` is the credential, which belongs into Authorization: it is
    dropped, so that one in an address is refused. An answer of 200 may be the one that is declared as `default`.
    """
    for item in data["paths"].values():
        for said in item.values():
            said["parameters"] = [one for one in said["parameters"] if one["name"] != "token"]
            answers = [said["responses"][name]["schema"] for name in ("200", "default")]
            said["responses"] = {"200": {"description": "", "schema": {"anyOf": answers}}}
        if "post" not in item:
            get = item["get"]
            moved = [one | {"in": "formData" if one["in"] == "query" else one["in"]} for one in get["parameters"]]
            item["post"] = get | {"parameters": moved, "operationId": f"{get['operationId']}_post"}
    return data


def _modern(data: dict[str, Any]) -> dict[str, Any]:
    """Swagger 2.0 as OpenAPI 3: what `Operation` reads, and Prism."""
    text = json.dumps({name: data[name] for name in ("info", "paths", "definitions")})
    data = data | json.loads(text.replace('"#/definitions/', '"#/components/schemas/'))
    schemes = {name: {"type": "http", "scheme": "bearer"} for name in data["securityDefinitions"]}
    paths = {
        template: {method: _operation(said) for method, said in item.items()}
        for template, item in data["paths"].items()
    }
    return {
        "openapi": "3.0.3",
        "info": data["info"],
        "paths": paths,
        "components": {"schemas": data["definitions"], "securitySchemes": schemes},
    }


def _operation(said: Mapping[str, Any]) -> dict[str, Any]:
    """One operation. The security is OAuth: by then a bearer token, of whatever scopes."""
    fields = [one for one in said["parameters"] if one["in"] == "formData"]
    result: dict[str, Any] = {
        "operationId": said["operationId"],
        "security": [{scheme: [] for scheme in way} for way in said.get("security", ())],
        "parameters": [
            {"name": one["name"], "in": one["in"], "required": one.get("required", False), "schema": _schema(one)}
            for one in said["parameters"]
            if one["in"] != "formData"
        ],
        "responses": {
            status: {"description": "", "content": {"application/json": {"schema": answer["schema"]}}}
            for status, answer in said["responses"].items()
        },
    }
    if fields:
        schema = {
            "type": "object",
            "properties": {one["name"]: _schema(one) for one in fields},
            "required": [one["name"] for one in fields if one.get("required")],
            "additionalProperties": False,
        }
        content = {media: {"schema": schema} for media in said.get("consumes", [FORM])}
        result["requestBody"] = {"required": bool(schema["required"]), "content": content}
    return result


def _schema(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameter.items() if name in {"type", "enum", "items", "format"}}
