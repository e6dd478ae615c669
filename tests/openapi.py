"""The judge of requests and answers: a provider's official OpenAPI document (`FIREDOOR_SHARED`, folder `specs`).

It is stricter than the documents in two things. A body may hold nothing that they do not declare, also where they do
not forbid it: a client must send nothing that may be ignored, and a fake must answer nothing that a client could come to
rely on. And where a document would also take a request without a credential, ours must carry it.

It knows shapes only: not whether a key exists, nor whether it may do that.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from firedoor.drill.fakes._fake import Exchange
from tests import openapi_discovery as discovery
from tests.openapi_document import FOLDER, FORM, Document, Operation
from tests.openapi_schema import Schemas, readings

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Spec:
    """A provider's document. `prefix` is the path of its server.

    Some documents are slices: `beyond` are the paths that the provider has and the slice lacks, which nobody judges.
    """

    document: str
    prefix: str = ""
    beyond: str = ""


#: The documents, by the provider's name. Whoever has one is judged by it in every test of `tests/providers`.
SPECS = {
    "braintrust": Spec("braintrust.json"),
    "github": Spec(
        "github-credentials.json",
        beyond=r"/(orgs/[^/]+|repos/[^/]+/[^/]+)/(dependabot|codespaces|environments/[^/]+)/secrets(/.*)?"
        r"|/app(/.*)?|/installation/repositories|/organizations/[^/]+/.*|/repos/[^/]+/[^/]+(/environments/[^/]+)?",
    ),
    "mistral": Spec("mistral-admin.json", beyond="/v1/admin/users"),
    "openai": Spec("openai-organization.json", "/v1"),
    "openrouter": Spec("openrouter-keys.json", "/api/v1", beyond="/api/v1/workspaces"),
    "slack": Spec("slack-web-api.json", "/api"),
}


def judge_log(provider: str, log: Sequence[Exchange]) -> None:
    """Judge everything that a provider's fake was asked and answered. Raises `AssertionError`.

    Nothing is said about an answer in whose way a fault was put, nor about a refusal that the document does not declare:
    most declare few of them.
    """
    spec = SPECS[provider]
    judge = Judge.of(spec.document, spec.prefix)
    for one in log:
        if re.fullmatch(spec.beyond, one.path):
            continue
        judge.request(one.method, one.path, one.query, one.headers, one.body)
        if not one.fault and (one.status < BAD_REQUEST or judge.declares(one.method, one.path, one.status)):
            judge.answer(one.method, one.path, one.status, one.answer_headers, one.answer)


def judge_discovered(name: str, log: Sequence[Exchange]) -> None:
    """Judge what a fake of Google's was asked and answered, by `tests/discovery`. Raises `AssertionError`."""
    judge = Judge.of(str(discovery.FOLDER / f"{name}.json"))
    for one, answered in discovery.judged(log):
        judge.request(one.method, one.path, one.query, one.headers, one.body)
        if answered:
            judge.answer(one.method, one.path, one.status, one.answer_headers, one.answer)


BAD_REQUEST = 400


class Judge:
    """Judges by one document. Every refusal is an `AssertionError` with one sentence that names the call."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._schemas = Schemas(document.data)

    @staticmethod
    @lru_cache
    def of(name: str, prefix: str = "") -> "Judge":
        """The judge by `specs/NAME`, read once. `prefix` is the path of the server that stands before its paths."""
        return Judge(Document(FOLDER / name, prefix))

    def declares(self, method: str, path: str, status: int) -> bool:
        """Whether the document says what an answer of this status looks like."""
        return self.document.operation(method, path).response(status) is not None

    def request(self, method: str, path: str, query: Pairs, headers: Mapping[str, str], body: bytes) -> None:
        """Judge a request. `path` is without the query and as it is on the wire: ids are percent-encoded."""
        operation = self.document.operation(method, path)
        lower = {name.lower(): value for name, value in headers.items()}
        self._credential(operation, lower, dict(query))
        self._parameters(operation, "path", [*operation.ids.items()])
        self._parameters(operation, "query", query)
        names = {one["name"].lower() for one in operation.parameters if one["in"] == "header"}
        self._parameters(operation, "header", [(name, value) for name, value in lower.items() if name in names])
        declared = operation.body
        if body:
            self._body(operation, "body", declared.get("content", {}), lower, body)
        elif declared.get("required"):
            raise self._error(operation, "the body is missing")

    def answer(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Judge the answer to a request of this method and path."""
        operation = self.document.operation(method, path)
        declared = operation.response(status)
        if declared is None:
            known = ", ".join(operation.said["responses"])
            raise self._error(operation, f"an answer of {status} is not declared, only {known}")
        lower = {name.lower(): value for name, value in headers.items()}
        content = declared.get("content", {})
        if body:
            self._body(operation, f"answer of {status}", content, lower, body)
        elif content and not self._may_be_empty(content):
            raise self._error(operation, f"the answer of {status} is empty, and {', '.join(content)} is declared")

    def _may_be_empty(self, content: Mapping[str, Any]) -> bool:
        """GitHub declares the type of answers that are empty, and null as their example."""
        examples = [one for media in content.values() for one in media.get("examples", {}).values()]
        return any(self.document.resolved(one).get("value", ...) is None for one in examples)

    def _credential(self, operation: Operation, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        ways = operation.credentials
        if ways and not any(all(_carried(scheme, headers, query) for scheme in way) for way in ways):
            wanted = " or ".join(" and ".join(_scheme(scheme) for scheme in way) for way in ways)
            raise self._error(operation, f"the credential is missing: {wanted}")

    def _parameters(self, operation: Operation, where: str, given: Pairs) -> None:
        """Judge what is given in one place: the path, the query or the headers."""
        left = _by_name(given)
        for parameter in (one for one in operation.parameters if one["in"] == where):
            name, schema = parameter["name"], parameter.get("schema", {})
            words = left.pop(name.lower() if where == "header" else name, [])
            # As OpenAI takes it, whatever style the document would mean: effective_at[gt]=1.
            fields = [key for key in left if key.startswith(f"{name}[")] if schema.get("type") == "object" else []
            if fields:
                value = {key[len(name) + 1 : -1]: self._read(schema, key, left.pop(key)) for key in fields}
                self._fits(operation, f"{where} parameter {name}", schema, value)
            elif words:
                self._words_fit(operation, f"{where} parameter {name}", schema, words)
            elif parameter.get("required"):
                raise self._error(operation, f"the {where} parameter {name} is missing")
        if left:
            raise self._error(operation, f"the {where} parameter {min(left)} is not declared")

    def _words_fit(self, operation: Operation, what: str, schema: Any, words: Sequence[str]) -> None:
        """One of the readings must fit. Of several faults that one is told which is not about the type."""
        faults = [self._schemas.fault(schema, reading) for reading in readings(words)]
        if all(faults):
            raise self._error(operation, f"the {what} does not fit: {min(faults, key=_about_type)}")

    def _read(self, schema: Mapping[str, Any], name: str, words: Sequence[str]) -> Any:
        """The words of one field as what its schema takes; as they are if it takes none of their readings."""
        field = schema.get("properties", {}).get(name.rpartition("[")[2].rstrip("]"), {})
        fitting = (reading for reading in readings(words) if not self._schemas.fault(field, reading))
        return next(fitting, words[0] if len(words) == 1 else list(words))

    def _body(
        self, operation: Operation, what: str, content: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> None:
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not content:
            raise self._error(operation, f"no {what} is declared, and there is one")
        if media not in content:
            raise self._error(operation, f"the {what} is {media or 'of no type'}, not {' or '.join(content)}")
        schema = content[media].get("schema", {})
        self._fits(operation, what, schema, self._parsed(operation, what, media, schema, body))

    def _parsed(self, operation: Operation, what: str, media: str, schema: Any, body: bytes) -> Any:
        if media == FORM:
            fields = _by_name(parse_qsl(body.decode(), keep_blank_values=True))
            return {name: self._read(schema, name, words) for name, words in fields.items()}
        if not media.endswith("json"):
            return body.decode()
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._error(operation, f"the {what} is no JSON: {error}") from None

    def _fits(self, operation: Operation, what: str, schema: Any, value: Any) -> None:
        if fault := self._schemas.fault(schema, value):
            raise self._error(operation, f"the {what} does not fit: {fault}")

    def _error(self, operation: Operation, what: str) -> AssertionError:
        return AssertionError(f"{operation.call}: {what} ({self.document.name})")


def _by_name(pairs: Pairs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _about_type(fault: str) -> bool:
    return " is not of type " in fault


def _scheme(scheme: Mapping[str, Any]) -> str:
    if scheme["type"] == "apiKey":
        return f"the {scheme['in']} parameter {scheme['name']}"
    return f"Authorization: {str(scheme.get('scheme', 'bearer')).title()}"


def _carried(scheme: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """Whether a request carries what a scheme wants; not whether it is right."""
    if scheme["type"] == "apiKey":
        return bool((query if scheme["in"] == "query" else headers).get(str(scheme["name"]).lower()))
    kind, _, value = headers.get("authorization", "").partition(" ")
    return kind.lower() == scheme.get("scheme", "bearer") and bool(value.strip())
