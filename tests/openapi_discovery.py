"""Google's discovery documents (`tests/discovery`) as OpenAPI 3, so that the same judge judges by them.

They declare no refusals, so that only successes are judged, and all of a call's parameters but those of its path.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from firedoor.drill.fakes._fake import Exchange

FOLDER = Path(__file__).parent / "discovery"
FORM = "application/x-www-form-urlencoded"
BAD_REQUEST = 400
#: A GET that carries a secret, and is sent as a POST for that.
LOOKUP = "/v2/keys:lookupKey"
#: What no discovery document has: OAuth, and Gemini's models.
BEYOND = re.compile(r"/token|/v1/models")


def documents() -> frozenset[str]:
    """The names of the fakes whose exchanges are judged by a document here."""
    return frozenset(path.stem for path in FOLDER.glob("*.json"))


def judged(log: Sequence[Exchange]) -> Iterator[tuple[Exchange, bool]]:
    """The exchanges that a document declares, and whether their answer is to be judged as well."""
    for one in log:
        if not BEYOND.fullmatch(one.path):
            yield one, not one.fault and one.status < BAD_REQUEST


def modern(found: Mapping[str, Any]) -> dict[str, Any]:
    """Several discovery documents as one of OpenAPI. Names of schemas are prefixed: each has its own `Operation`."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for api, document in found.items():
        prefix = api.replace(".", "_")
        schemas |= {f"{prefix}_{name}": _schema(schema, prefix) for name, schema in document["schemas"].items()}
        for method in document["methods"]:
            item = paths.setdefault("/" + method["flatPath"], {})
            item[method["httpMethod"].lower()] = _operation(method, prefix)
    if LOOKUP in paths:
        paths[LOOKUP]["post"] = _long(paths[LOOKUP]["get"])
    # `…/keys/{key}` would fit `…/keys/{key}:undelete` as well: the more exact one is tried first.
    paths = {template: paths[template] for template in sorted(paths, key=lambda one: ":" not in one)}
    return {
        "openapi": "3.0.3",
        "info": {"title": ", ".join(found), "version": "1"},
        "security": [{"oauth2": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"oauth2": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(method: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    ids = re.findall(r"\{(\w+)\}", method["flatPath"])
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ids
    ]
    for name, one in method["parameters"].items():
        schema = _schema(one, prefix)
        shape = {"type": "array", "items": schema} if one.get("repeated") else schema
        parameters.append({"name": name, "in": "query", "required": one.get("required", False), "schema": shape})
    answer = {"$ref": f"#/components/schemas/{prefix}_{method['response']}"}
    operation: dict[str, Any] = {
        "operationId": method["id"],
        "parameters": parameters,
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": answer}}}},
    }
    if "request" in method:
        body = {"$ref": f"#/components/schemas/{prefix}_{method['request']}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _long(get: Mapping[str, Any]) -> dict[str, Any]:
    """A GET as a POST that says so, with its query as a form: as Google's own client sends what is too long for a URL."""
    query = [one for one in get["parameters"] if one["in"] == "query"]
    header = {"name": "X-HTTP-Method-Override", "in": "header", "required": True, "schema": {"enum": ["GET"]}}
    form = {
        "type": "object",
        "properties": {one["name"]: one["schema"] for one in query},
        "additionalProperties": False,
    }
    return {
        "operationId": f"{get['operationId']}.long",
        "parameters": [*(one for one in get["parameters"] if one["in"] == "path"), header],
        "requestBody": {"required": True, "content": {FORM: {"schema": form}}},
        "responses": get["responses"],
    }


def _schema(said: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """A schema of discovery: `any` is anything, and a moment is RFC 3339."""
    schema: dict[str, Any] = {}
    if "$ref" in said:
        schema["$ref"] = f"#/components/schemas/{prefix}_{said['$ref']}"
    if said.get("type", "any") != "any":
        schema["type"] = said["type"]
    if said.get("format") == "google-datetime":
        schema["format"] = "date-time"
    if "enum" in said:
        schema["enum"] = said["enum"]
    for name in ("items", "additionalProperties"):
        if name in said:
            schema[name] = _schema(said[name], prefix)
    if "properties" in said:
        schema["properties"] = {name: _schema(one, prefix) for name, one in said["properties"].items()}
    return schema
