"""The judge itself: for every document, what is right passes, and each kind of wrong is refused with a sentence."""

import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from firedoor.drill.fakes._fake import Exchange
from tests.openapi import SPECS, Judge, judge_log
from tests.openapi_document import FOLDER, FORM, Document
from tests.openapi_schema import Schemas
from tests.shared import needs_shared

pytestmark = needs_shared

ID = "0df9e665-d932-5740-b2c7-b52af166bc11"
BEARER = {"Authorization": "Bearer canary"}


@dataclass(frozen=True)
class Case:
    """A right request and a right answer. `needed` is a property of the body that the document requires."""

    document: str
    prefix: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=lambda: BEARER)
    body: dict[str, Any] | None = None
    media: str = "application/json"
    status: int = 200
    answer: Any = None
    needed: str = ""

    @property
    def judge(self) -> Judge:
        """The judge of its document."""
        return Judge.of(self.document, self.prefix)

    def judge_request(self) -> None:
        """Have its request judged."""
        body, headers = b"", dict(self.headers)
        if self.body is not None:
            body = (urlencode(self.body) if self.media == FORM else json.dumps(self.body)).encode()
            headers["content-type"] = self.media
        self.judge.request(self.method, self.path, self.query, headers, body)

    def judge_answer(self) -> None:
        """Have its answer judged."""
        body = b"" if self.answer is None else json.dumps(self.answer).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"} if body else {}
        self.judge.answer(self.method, self.path, self.status, headers, body)


OPENAI = Case(
    "openai-organization.json", "/v1", "POST", "/v1/organization/projects/proj_1/service_accounts",
    body={"name": "firedoor-1"}, needed="name",
    answer={
        "object": "organization.project.service_account", "id": "svc_1", "name": "firedoor-1", "role": "member",
        "created_at": 1,
        "api_key": {
            "object": "organization.project.service_account.api_key", "value": "canary", "name": "firedoor-1",
            "created_at": 1, "id": "key_1",
        },
    },
)  # fmt: skip
BRAINTRUST = Case(
    "braintrust.json", "", "PUT", "/v1/ai_secret",
    body={"name": "OPENAI_API_KEY", "type": None, "secret": "canary", "metadata": {"any": ["thing"]}}, needed="name",
    answer={"id": ID, "org_id": ID, "name": "OPENAI_API_KEY", "secret_updated_at": "2026-11-23T10:00:00Z", "type": None},
)  # fmt: skip
GITHUB = Case(
    "github-credentials.json", "", "PUT", "/repos/acme/api/actions/secrets/KEY",
    body={"encrypted_value": "AQ==", "key_id": "1"}, needed="key_id", status=201, answer={},
)  # fmt: skip
MISTRAL = Case(
    "mistral-admin.json", "", "POST", "/v1/admin/api-keys",
    body={"workspace_uuid": ID, "user_id": ID, "name": "firedoor-1", "expiration": "2027-01-01"}, needed="user_id",
    answer={
        "key_id": ID, "key": "canary", "name": None, "hidden_key": "ca…ry", "created_at": "2026-11-23T10:00:00Z",
        "expiration_date": None, "actions": {"rotate": {"status": "available"}, "delete": {"status": "available"}},
    },
)  # fmt: skip
OPENROUTER = Case(
    "openrouter-keys.json", "/api/v1", "POST", "/api/v1/byok",
    body={"provider": "openai", "key": "canary"}, needed="key", status=201,
)  # fmt: skip
SLACK = Case(
    "slack-web-api.json", "/api", "POST", "/api/chat.postMessage", body={"channel": "C1", "text": "x", "mrkdwn": "true"},
    media=FORM, needed="channel", answer={"ok": False, "error": "channel_not_found"},
)  # fmt: skip
WRITES = (OPENAI, BRAINTRUST, GITHUB, MISTRAL, OPENROUTER, SLACK)

READS = (
    Case(
        "openai-organization.json", "/v1", "GET", "/v1/organization/usage/completions",
        (("start_time", "1"), ("group_by", "model"), ("group_by", "api_key_id"), ("api_key_ids", "key_1")),
        answer={
            "object": "page", "has_more": False, "next_page": None,
            "data": [{
                "object": "bucket", "start_time": 1, "end_time": 2,
                "results": [{
                    "object": "organization.usage.completions.result", "input_tokens": 1, "output_tokens": 1,
                    "num_model_requests": 1, "model": "gpt", "api_key_id": "key_1",
                }],
            }],
        },
    ),
    Case("braintrust.json", "", "GET", "/v1/ai_secret", (("limit", "1"), ("ids", ID), ("ids", ID)), answer={"objects": []}),
    Case(
        "github-credentials.json", "", "GET", "/orgs/acme/personal-access-tokens", (("per_page", "100"), ("page", "2")),
        answer=[],
    ),
    Case(
        "mistral-admin.json", "", "GET", "/v1/models",
        answer={"object": "list", "data": [{"id": "m", "type": "base", "capabilities": {}}]},
    ),
    Case("openrouter-keys.json", "/api/v1", "GET", "/api/v1/keys", (("include_disabled", "true"), ("offset", "0")),
         answer={"data": []}),
    Case("slack-web-api.json", "/api", "POST", "/api/auth.revoke", body={"test": "true"}, media=FORM,
         answer={"ok": True, "revoked": False}),
)  # fmt: skip
CASES = (*WRITES, *READS)

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.document} {case.method} {case.path}")
every_write = pytest.mark.parametrize("case", WRITES, ids=lambda case: case.document)
every_read = pytest.mark.parametrize("case", READS, ids=lambda case: case.document)


def test_every_document_is_judged_here() -> None:
    """No document of the folder is without a request that changes and one that reads."""
    documents = {path.name for path in FOLDER.glob("*.json")}
    assert documents == {case.document for case in WRITES} == {case.document for case in READS}
    assert {(spec.document, spec.prefix) for spec in SPECS.values()} == {(one.document, one.prefix) for one in CASES}


@every_case
def test_what_is_right_passes(case: Case) -> None:
    """A right request and a right answer are not refused; a list of one id is as good as one of two."""
    case.judge_request()
    if case.answer is not None:
        case.judge_answer()
    replace(case, query=case.query[:2]).judge_request()


@pytest.mark.parametrize("name", ["github-credentials.json", "openrouter-keys.json"])
def test_the_documents_own_examples_fit(name: str) -> None:
    """Every example body of a document fits the document; a null stands for an empty body.

    Mistral's one example is a list where its schema has an object, and OpenAI's lack what its schemas require.
    """
    judge, seen = Judge.of(name), 0
    for template, item in judge.document.data["paths"].items():
        for method in item:
            operation = judge.document.operation(method.upper(), template.replace("{", "").replace("}", ""))
            answers = [judge.document.resolved(one) for one in operation.said["responses"].values()]
            for media in (media for part in (operation.body, *answers) for media in part.get("content", {}).values()):
                for example in media.get("examples", {"": {"value": media.get("example")}}).values():
                    value = judge.document.resolved(example).get("value")
                    fault = "" if value is None else judge._schemas.fault(media["schema"], value)
                    assert not fault, f"{method} {template}: {fault}"
                    seen += value is not None
    assert seen


@every_case
def test_an_unknown_path_is_refused(case: Case) -> None:
    """A path that is not there, one with a slash at its end, and one without the server's prefix."""
    for path in ("/nowhere", f"{case.path}/", *([case.path.removeprefix(case.prefix)] if case.prefix else [])):
        with pytest.raises(AssertionError, match=f"{case.document} has no path {path}"):
            replace(case, path=path).judge_request()


@every_case
def test_an_unknown_method_is_refused(case: Case) -> None:
    """A path takes the methods that it declares, and the sentence names them."""
    with pytest.raises(AssertionError, match=rf"has no HEAD .*, only .*{case.method}"):
        replace(case, method="HEAD").judge_request()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic canary"}, {"Authorization": "Bearer "}])
@every_case
def test_a_request_without_its_credential_is_refused(case: Case, headers: dict[str, str]) -> None:
    """None, another kind, an empty one. GitHub's document says nothing about credentials."""
    if case.document == "github-credentials.json":
        assert not case.judge.document.operation(case.method, case.path).credentials
        return
    with pytest.raises(AssertionError, match="the credential is missing: Authorization: Bearer"):
        replace(case, headers=headers).judge_request()


@every_case
def test_an_undeclared_query_parameter_is_refused(case: Case) -> None:
    """Also one that differs by its case or its brackets."""
    for name in ("undeclared", "token", "Limit", "page[]"):
        with pytest.raises(AssertionError, match=r"the query parameter .* is not declared"):
            replace(case, query=(*case.query, (name, "1"))).judge_request()


@every_write
def test_a_body_that_does_not_fit_is_refused(case: Case) -> None:
    """Not there, without what it needs, with a value of another type, of another media type, no JSON at all."""
    right = case.body or {}
    with pytest.raises(AssertionError, match=r"the body is missing|is a required property"):
        replace(case, body=None if case.document != "braintrust.json" else {}).judge_request()
    with pytest.raises(AssertionError, match=f"'{case.needed}' is a required property"):
        replace(case, body={name: value for name, value in right.items() if name != case.needed}).judge_request()
    with pytest.raises(AssertionError, match="the body is text/plain, not "):
        replace(case, media="text/plain").judge_request()
    if case.media != FORM:
        with pytest.raises(AssertionError, match=rf"does not fit: \$\.{case.needed}: .* is not of type 'string'"):
            replace(case, body=right | {case.needed: 7}).judge_request()
        headers = {**case.headers, "Content-Type": case.media}
        with pytest.raises(AssertionError, match="the body is no JSON"):
            case.judge.request(case.method, case.path, case.query, headers, b"{")


@every_write
def test_an_undeclared_property_of_a_body_is_refused(case: Case) -> None:
    """Also where the document does not forbid it."""
    with pytest.raises(AssertionError, match=r"the body does not fit: \$: .*'undeclared' was unexpected"):
        replace(case, body=(case.body or {}) | {"undeclared": "1"}).judge_request()


@every_read
def test_a_body_where_none_is_declared_is_refused(case: Case) -> None:
    """A GET has none."""
    if case.method == "GET":
        with pytest.raises(AssertionError, match="no body is declared, and there is one"):
            replace(case, body={"limit": 1}).judge_request()


@every_case
def test_an_answer_that_does_not_fit_is_refused(case: Case) -> None:
    """Another status, another type, a list where an object stands and the other way round, HTML, nothing."""
    with pytest.raises(AssertionError, match="an answer of 418 is not declared, only "):
        replace(case, status=418).judge_answer()
    with pytest.raises(AssertionError, match=f"the answer of {case.status} does not fit"):
        replace(case, answer={"undeclared": 1} if case.document.startswith("github") else [1]).judge_answer()
    with pytest.raises(AssertionError, match=f"the answer of {case.status} is text/html, not application/json"):
        case.judge.answer(case.method, case.path, case.status, {"content-type": "text/html"}, b"<html>")
    with pytest.raises(AssertionError, match=f"the answer of {case.status} is no JSON"):
        case.judge.answer(case.method, case.path, case.status, {"content-type": "application/json"}, b"<html>")
    if case is not GITHUB:
        with pytest.raises(AssertionError, match=f"the answer of {case.status} is empty"):
            replace(case, answer=None).judge_answer()


@every_case
def test_an_undeclared_property_of_an_answer_is_refused(case: Case) -> None:
    """A fake invents nothing that a client could come to rely on."""
    if isinstance(case.answer, dict) and case.document != "slack-web-api.json":
        with pytest.raises(AssertionError, match=r"'undeclared' was unexpected"):
            replace(case, answer=case.answer | {"undeclared": 1}).judge_answer()


@pytest.mark.parametrize(
    ("case", "query", "sentence"),
    [
        (READS[0], (), "the query parameter start_time is missing"),
        (
            READS[0],
            (("start_time", "soon"),),
            "query parameter start_time does not fit: .*'soon' is not of type 'integer'",
        ),
        (READS[0], (("start_time", "1"), ("start_time", "2")), "query parameter start_time does not fit"),
        (READS[0], (("start_time", "1"), ("bucket_width", "1y")), "'1y' is not one of"),
        (READS[0], (("start_time", "1"), ("group_by", "colour")), "'colour' is not one of"),
        (READS[1], (("limit", "-1"),), "query parameter limit does not fit"),
        (READS[1], (("ids", "7"),), "query parameter ids does not fit"),
        (READS[4], (("offset", "-1"),), "-1 is less than the minimum of 0"),
        (READS[4], (("workspace_id", "default"),), "'default' is not a 'uuid'"),
        (READS[5], (("test", "true"),), "the query parameter test is not declared"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(case: Case, query: tuple[tuple[str, str], ...], sentence: str) -> None:
    """A parameter is missing, of another type, out of its list, below its least, given twice."""
    with pytest.raises(AssertionError, match=sentence):
        replace(case, query=query).judge_request()


def test_a_range_in_the_query() -> None:
    """OpenAI's `effective_at[gt]=1` is one parameter whose fields are judged."""
    audit = Case("openai-organization.json", "/v1", "GET", "/v1/organization/audit_logs", (("effective_at[gt]", "1"),))
    audit.judge_request()
    for name, value in (("effective_at[gt]", "soon"), ("effective_at[near]", "1")):
        with pytest.raises(AssertionError, match="query parameter effective_at does not fit"):
            replace(audit, query=((name, value),)).judge_request()


def test_an_id_in_the_path_is_judged() -> None:
    """One segment is one id, percent-encoded; Braintrust's are UUIDs."""
    case = replace(BRAINTRUST, method="DELETE", path=f"/v1/ai_secret/{ID}", body=None)
    case.judge_request()
    for wrong in ("name", "..%2Fapi_key", f"{ID}%0A"):
        with pytest.raises(AssertionError, match="the path parameter ai_secret_id does not fit"):
            replace(case, path=f"/v1/ai_secret/{wrong}").judge_request()
    with pytest.raises(AssertionError, match="has no path"):
        replace(case, path="/v1/ai_secret/../api_key").judge_request()


def test_slack_takes_no_token_in_the_address() -> None:
    """The document of 2021 allows it; it would stand in the logs of every proxy."""
    case = Case("slack-web-api.json", "/api", "GET", "/api/auth.revoke", (("token", "xoxb-canary"),))
    with pytest.raises(AssertionError, match="the query parameter token is not declared"):
        case.judge_request()
    with pytest.raises(AssertionError, match="answer of 200 does not fit"):
        replace(case, query=(), answer={"ok": False, "error": "made_up"}).judge_answer()


def test_the_schema_of_a_value_is_picked_by_its_discriminator() -> None:
    """Mistral's actions: a reason is there when one is unavailable, and only then."""
    answer = dict(MISTRAL.answer)
    for action in ({"status": "available", "reason": "x"}, {"status": "maybe"}):
        with pytest.raises(AssertionError, match="answer of 200 does not fit"):
            replace(MISTRAL, answer=answer | {"actions": {"rotate": action, "delete": action}}).judge_answer()


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, 1, 0),
        ({"type": "integer", "maximum": 9, "exclusiveMaximum": True}, 8, 9),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": False}, 0, -1),
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": "string", "enum": ["a"], "nullable": True}, None, "b"),
        ({"type": "string", "nullable": False}, "x", None),
        ({"nullable": True}, [1], ...),
        ({"type": "string", "format": "date-time"}, "2026-11-23T10:00:00Z", "2026-11-23T10:00:00"),
        ({"type": "string", "format": "date"}, "2026-11-23", "tomorrow"),
        ({"type": "string", "format": "uri"}, "https://example.test", "here"),
        ({"type": "object"}, {"any": 1}, 1),
        ({"type": "object", "properties": {"a": {}}}, {"a": 1}, {"b": 1}),
        ({"type": "object", "properties": {"a": {"properties": {"b": {}}}}}, {"a": {"b": 1}}, {"a": {"c": 1}}),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}}, {"b": "x"}, {"b": 1}),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 1}, {"a": 1, "c": 1}),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, {"c": 1}, 1),
        ({"items": [{"type": "string"}, {"type": "null"}]}, None, 1),
        ({"type": "array", "items": [{"type": "string"}, {"type": "null"}]}, [None, "x"], [1]),
        ({"type": "array", "items": {"properties": {"a": {}}}}, [{"a": 1}], [{"b": 1}]),
    ],
)  # fmt: skip
def test_the_dialects_of_schemas(schema: dict[str, Any], right: Any, wrong: Any) -> None:
    """What the documents say in the dialects of OpenAPI 3.0 and Swagger 2.0 means the same here."""
    schemas = Schemas({})
    assert not schemas.fault(schema, right)
    if wrong is not ...:
        assert schemas.fault(schema, wrong)


def test_a_document_is_read_once() -> None:
    """The judge of a document and a prefix is one, with its validators."""
    assert Judge.of("braintrust.json") is Judge.of("braintrust.json")
    assert Judge.of("braintrust.json") is not Judge.of("braintrust.json", "/x")


def test_basic_and_key_schemes(tmp_path: Path) -> None:
    """Other ways to authenticate, alone and together; a document may say no more than that."""
    schemes = {
        "basic": {"type": "http", "scheme": "basic"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "ask": {"type": "apiKey", "in": "query", "name": "key"},
    }
    said = {"responses": {"2XX": {}}, "security": [{"basic": []}, {"key": [], "ask": []}]}
    wanted = [{"name": "key", "in": "query"}, {"name": "X-Version", "in": "header", "required": True}]
    path = tmp_path / "one.json"
    path.write_text(
        json.dumps({"paths": {"/a": {"get": said, "parameters": wanted}}, "components": {"securitySchemes": schemes}})
    )
    judge = Judge(Document(path))
    version = {"x-version": "1"}
    judge.request("GET", "/a", [], {"authorization": "Basic eDp5", **version}, b"")
    judge.request("GET", "/a", [("key", "1")], {"x-key": "1", **version}, b"")
    judge.answer("GET", "/a", 204, {}, b"")
    assert not judge.declares("GET", "/a", 404)
    with pytest.raises(
        AssertionError, match="Authorization: Basic or the header parameter X-Key and the query parameter"
    ):
        judge.request("GET", "/a", [], {"x-key": "1", **version}, b"")
    with pytest.raises(AssertionError, match="the header parameter X-Version is missing"):
        judge.request("GET", "/a", [], {"authorization": "Basic eDp5"}, b"")
    with pytest.raises(AssertionError, match="no answer of 204 is declared, and there is one"):
        judge.answer("GET", "/a", 204, {}, b"{}")


RIGHT = Exchange(
    "DELETE", f"/v1/ai_secret/{ID}", [], BEARER, b"", 200, {"content-type": "application/json"},
    json.dumps(BRAINTRUST.answer).encode(),
)  # fmt: skip


def test_a_fakes_log_is_judged_whole() -> None:
    """Every request and every normal answer; what is declared of a refusal, and nothing of one that is not."""
    call = partial(replace, RIGHT)
    judge_log("braintrust", [RIGHT, call(status=404, answer=b"<html>"), call(answer=b"<html>", fault="instead")])
    judge_log("braintrust", [call(status=401, answer_headers={"content-type": "text/plain"}, answer=b"no")])
    for wrong in (
        call(headers={}),
        call(headers={}, answer=b"<html>", fault="instead"),
        call(answer=b"{}"),
        call(answer=b""),
        call(status=201),
        call(status=401, answer_headers={"content-type": "text/html"}, answer=b"no"),
    ):
        with pytest.raises(AssertionError, match=r"DELETE /v1/ai_secret/\{ai_secret_id\}: .* \(braintrust.json\)$"):
            judge_log("braintrust", [RIGHT, wrong])


def test_paths_beyond_a_slice_are_not_judged() -> None:
    """GitHub's other stores of secrets are not in the slice; a path that is neither there nor named is refused."""
    judge_log("github", [replace(RIGHT, method="PUT", path="/repos/acme/api/dependabot/secrets/KEY")])
    with pytest.raises(AssertionError, match="has no path /repos/acme/api/secrets"):
        judge_log("github", [replace(RIGHT, method="PUT", path="/repos/acme/api/secrets/KEY")])
