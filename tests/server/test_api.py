"""The JSON API: who is let in, what it does with a real Temporal, and the sentences of its refusals."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from firedoor.config import Person, Settings
from firedoor.deliveries import NewDelivery
from firedoor.incident import Decision, Mode, StepState, Verb
from firedoor.server.api import document
from firedoor.server.api.clocks import ClockBody
from firedoor.server.api.incidents import DecisionBody, DecisionVerb
from firedoor.server.app import create_app
from firedoor.server.site import Site as Server
from firedoor.server.site import open_site
from firedoor.server.tokens import Scope, Tokens
from tests.workflows.conftest import STARTER, Site, off, plan_of, site_at

EVERY = tuple(Scope)
FINDING = b'{"id": "f-1", "type": "Recon:IAMUser/X", "title": "A key is used", "severity": 8}'
RUNBOOK = """
name: shut
title: Shut a switch
inputs: {name: {type: string, description: Which switch}}
identity: [name]
triggers: [{slack: shut}]
approvals: {security: {from: ['role:security'], count: 1}}
steps:
  gate: {approval: security}
"""


@dataclass(frozen=True)
class Api:
    """The API of a running installation, and what a person's token is."""

    client: httpx.AsyncClient
    settings: Settings
    site: Site
    server: Server

    def token(self, name: str, principal: str, *scopes: Scope) -> dict[str, str]:
        """The header of a new token."""
        tokens = Tokens(self.settings.tokens_path)
        _, value = tokens.create(name, principal, scopes or EVERY, timedelta(days=1))
        return {"authorization": f"Bearer {value.get_secret_value()}"}

    async def call(self, method: str, path: str, who: dict[str, str], **rest: Any) -> Any:
        """What a call answers; it must succeed."""
        answer = await self.client.request(method, f"/api/v1{path}", headers=who, **rest)
        assert answer.is_success, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, who: dict[str, str], status: int, **rest: Any) -> dict[str, str]:
        """The error of a call."""
        answer = await self.client.request(method, f"/api/v1{path}", headers=who, **rest)
        assert answer.status_code == status, answer.text
        error: dict[str, str] = answer.json()["error"]
        return error


@pytest.fixture
async def api(temporal_address: str, tmp_path: Path) -> AsyncIterator[Api]:
    """A worker, a server without a port, and a client."""
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "shut.yaml").write_text(RUNBOOK)
    (folder / "broken.yaml").write_text("name: broken\nsteps: {}\n")
    people = {"ada": Person(identities=("oidc:ada@example.com",)), "grace": Person(identities=("os:grace",))}
    roles = {"security": ("user:ada", "user:grace")}
    async with site_at(temporal_address, tmp_path / "home", people=people, roles=roles, runbooks=(folder,)) as running:
        settings = running.settings
        async with open_site(settings) as server:
            await connected(server)
            transport = httpx.ASGITransport(create_app(server), client=("192.0.2.9", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                yield Api(client, settings, running, server)


async def connected(server: Server) -> None:
    """Wait until the server has reached Temporal."""
    async with asyncio.timeout(20):
        while server.engine is None:
            await asyncio.sleep(0.02)


async def test_an_incident_from_its_start_to_its_export(api: Api) -> None:
    """One person starts it, another one approves what was shown, and the record can be read and taken away."""
    grace, ada = api.token("grace", "user:grace"), api.token("ada", "user:ada")
    started = await api.call("POST", "/incidents", grace, json={"runbook": "shut", "inputs": {"name": "s1"}})
    again = await api.call("POST", "/incidents", grace, json={"runbook": "shut", "inputs": {"name": "s1"}})
    assert (started["joined"], again["joined"], again["incident"]) == (False, True, started["incident"])
    incident = started["incident"]
    await api.site.reaches(incident, "gate", StepState.WAITING_APPROVAL)

    view = await api.call("GET", f"/incidents/{incident}", ada)
    digest = view["steps"][0]["request"]["digest"]
    error = await api.refused(
        "POST", f"/incidents/{incident}/approve", grace, 409, json={"step": "gate", "digest": digest}
    )
    assert "user:grace started this incident" in error["what"]
    error = await api.refused(
        "POST", f"/incidents/{incident}/approve", ada, 409, json={"step": "gate", "digest": "0" * 64}
    )
    assert error["reason"] == "refused"
    done = await api.call("POST", f"/incidents/{incident}/approve", ada, json={"step": "gate", "digest": digest})
    assert done == {"incident": incident, "done": "gate is approved."}
    await api.site.engine.result(incident)

    [line] = [one for one in await api.call("GET", "/incidents", ada) if one["id"] == incident]
    assert (line["runbook"], line["state"]) == ("shut", "completed")
    entries = await api.call("GET", f"/incidents/{incident}/timeline", ada)
    approval = next(one for one in entries if one["kind"] == "approval")
    assert (approval["actor"]["id"], approval["actor"]["auth"]) == ("user:ada", "token")
    bundle = await api.client.post(f"/api/v1/incidents/{incident}/export", headers=ada, params={"purpose": "audit"})
    assert (bundle.headers["content-type"], bundle.content[:2]) == ("application/zip", b"PK")


async def test_runbooks_and_plans(api: Api) -> None:
    """Every runbook with its inputs, the broken one with its mistakes; a plan changes nothing."""
    ada = api.token("ada", "user:ada")
    runbooks = {one["name"]: one for one in await api.call("GET", "/runbooks", ada)}
    assert runbooks["shut"]["inputs"]["name"]["description"] == "Which switch"
    assert runbooks["shut"]["slack"] == ["shut"]
    assert "broken.yaml:2" in runbooks["broken"]["broken"]
    assert "guardduty" in runbooks["aws-access-key-leaked"]["alerts"]

    view = await api.call("POST", "/plans", ada, json={"runbook": "shut", "inputs": {"name": "s2"}})
    assert (view["mode"], view["state"]) == (Mode.PLAN.value, "completed")
    error = await api.refused("POST", "/plans", ada, 400, json={"runbook": "shot", "inputs": {}})
    assert error["what"] == "There is no runbook 'shot'."
    assert "shut" in error["next"]
    error = await api.refused("POST", "/incidents", ada, 400, json={"runbook": "broken"})
    assert error["what"] == "The runbook broken has mistakes, and cannot be started."
    error = await api.refused("POST", "/incidents", ada, 400, json={"runbook": "../../etc/passwd.yaml"})
    assert "There is no runbook" in error["what"]


async def test_what_runbooks_are_made_of_can_be_asked(api: Api) -> None:
    """A runbook is checked as text, beside those that the server has; steps and providers are described."""
    reader = api.token("reader", "system:reader", Scope.READ)
    assert await api.call("POST", "/lint", reader, json={"text": RUNBOOK}) == []
    child = "name: outer\nsteps:\n  inner: {run: shut, with: {nam: x}}\n"
    codes = {one["code"]: one for one in await api.call("POST", "/lint", reader, json={"text": child})}
    assert codes["unknown-argument"]["line"] == 3
    assert "name" in codes["unknown-argument"]["allowed"]

    steps = {one["action"]: one for one in await api.call("GET", "/steps", reader)}
    assert steps["aws.iam.deactivate_access_key"]["undo"] == "aws.iam.activate_access_key"
    providers = {one["name"]: one for one in await api.call("GET", "/providers", reader)}
    assert providers["openai"]["missing"] == ["admin_key"]


async def test_an_incident_is_followed_until_it_ends(api: Api) -> None:
    """Server-sent events, one for each change."""
    ada = api.token("ada", "user:ada")
    incident = (await api.site.engine.start(plan_of(off("s1")), {}, starter=STARTER)).incident
    answer = await api.client.get(f"/api/v1/incidents/{incident}/events", headers=ada)
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line[:5] == "data:"]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[-1]["state"] == "completed"

    failed = await api.call("GET", f"/incidents/{incident}/steps/s1/failed", ada)
    assert failed == []
    undone = await api.call("POST", f"/incidents/{incident}/undo", ada, json={})
    assert undone["incident"] == f"{incident}.undo"


@pytest.mark.parametrize("shown", [{}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer fdt_0_canary"}])
async def test_nobody_is_let_in_without_a_token(api: Api, shown: dict[str, str]) -> None:
    """A missing or false token is counted by address, and the answer tells nothing of why."""
    error = await api.refused("GET", "/incidents", shown, 401)
    assert error["what"] == "Nobody is known by this token."
    figures = (await api.client.get("/metrics")).text
    assert 'firedoor_failed_authentications_total{door="api",remote="192.0.2.9"} 1.0' in figures
    assert "canary" not in figures


async def test_a_token_of_somebody_who_has_left(api: Api) -> None:
    """Whoever is taken out of [people] is nobody, also by a token that has months to go and a role that is left over."""
    for principal in ("user:grace2", "user:", "user:os:grace"):
        gone = api.token(principal, principal)
        error = await api.refused("GET", "/incidents", gone, 401)
        assert error["what"] == "Nobody is known by this token."


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 100_000, b"\xff\xff", '{"runbook": 1}'.encode("utf-16"), b"{" * 2_100_000]
)
async def test_a_stranger_is_asked_for_a_token_before_anything_is_read(api: Api, body: bytes) -> None:
    """401, whatever the body is: it costs nothing and says nothing."""
    headers = {"content-type": "application/json"}
    for path in ("/incidents", "/incidents/x/approve", "/plans", "/nothing"):
        error = await api.refused("POST", path, headers, 401, content=body)
        assert error["what"] == "Nobody is known by this token."
    ada = api.token("ada", "user:ada")
    answer = await api.client.post("/api/v1/incidents", content=body, headers=headers | ada)
    assert answer.status_code in {400, 413}


async def test_the_server_has_the_document_that_is_published(api: Api) -> None:
    """For everybody, of this version, and in no words that OpenAPI 3.1 does not have."""
    answer = await api.client.get("/api/v1/openapi.json")
    assert answer.json() == document()
    assert (answer.json()["openapi"], answer.json()["info"]["version"]) == ("3.1.0", version("firedoor"))
    assert "itemSchema" not in answer.text


async def test_tokens_that_cannot_be_looked_up(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """503, and where they are kept is told to the log alone."""
    ada = api.token("ada", "user:ada")
    path = api.settings.tokens_path
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    error = await api.refused("GET", "/incidents", ada, 503)
    assert str(path) not in str(error)
    assert str(path) in caplog.text


async def test_a_token_does_what_it_is_for_and_no_more(api: Api) -> None:
    """The sentence names the scope that is missing."""
    reader = api.token("reader", "system:reader", Scope.READ)
    assert await api.call("GET", "/incidents", reader) is not None
    for path, scope in (("/incidents", "start"), ("/plans", "start"), ("/incidents/x/abort", "decide")):
        error = await api.refused("POST", path, reader, 403, json={"runbook": "shut"})
        assert scope in error["what"]
        assert f"--scope {scope}" in error["next"]


async def test_a_system_counts_in_no_approval(api: Api) -> None:
    """A program may start and look; the runbook's people decide."""
    program = api.token("ci", "system:ci")
    started = await api.call("POST", "/incidents", program, json={"runbook": "shut", "inputs": {"name": "s3"}})
    step = await api.site.reaches(started["incident"], "gate", StepState.WAITING_APPROVAL)
    assert step.request is not None
    body = {"step": "gate", "digest": step.request.digest}
    error = await api.refused("POST", f"/incidents/{started['incident']}/approve", program, 409, json=body)
    assert "system:ci" in error["what"]
    await api.call("POST", f"/incidents/{started['incident']}/abort", program, json={"reason": "test over"})


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/incidents", {"inputs": {}}, "body.runbook"),
        ("POST", "/incidents", [], "body"),
        ("POST", "/incidents/x/explode", {}, "path.verb"),
        ("POST", "/incidents/x/approve", {"responder": {"principal": "user:ada"}}, "body.responder"),
        ("POST", "/incidents", {"runbook": "shut", "input": {"name": "s3"}}, "body.input"),
        ("POST", "/incidents/x/undo", {"step": "shut"}, "body.step"),
        ("GET", "/incidents?limit=0", None, "query.limit"),
        ("GET", "/incidents/there-is-none", None, "There is no incident 'there-is-none'"),
        ("GET", "/incidents/there-is-none/timeline", None, "no incident 'there-is-none'"),
        ("GET", "/incidents/there-is-none/events", None, "There is no incident 'there-is-none'"),
    ],
)
async def test_a_call_that_does_not_fit_is_told_why(api: Api, method: str, path: str, body: object, says: str) -> None:
    """Nothing was changed, and the answer does not repeat what was sent."""
    ada = api.token("ada", "user:ada")
    await api.site.run(plan_of(off("s1")))
    error = await api.refused(method, path, ada, 400, json=body)
    assert says in error["what"]


async def test_deliveries_are_looked_at_and_replayed(api: Api) -> None:
    """What an alert became, with its reasons; after the runbook has got a trigger, it starts it."""
    ada = api.token("ada", "user:ada")
    added = await api.server.deliveries.add(NewDelivery("guardduty", "guardduty", "1", {}, FINDING))
    api.server.wake()
    async with asyncio.timeout(20):
        while (await api.call("GET", f"/deliveries/{added.id}", ada))["state"] == "received":
            await asyncio.sleep(0.05)
    whole = await api.call("GET", f"/deliveries/{added.id}", ada)
    assert (whole["state"], whole["hits"], json.loads(whole["body"])["id"]) == ("ignored", [], "f-1")
    assert "aws-access-key-leaked: trigger 1 needs alert.access_key_id" in whole["against"]
    assert [one["id"] for one in await api.call("GET", "/deliveries?state=ignored", ada)] == [added.id]
    assert await api.call("GET", "/deliveries?state=dead", ada) == []

    trigger = "{alert: guardduty, inputs: {name: '${{ alert.id }}'}}"
    [folder] = api.settings.runbooks
    (folder / "shut.yaml").write_text(RUNBOOK.replace("{slack: shut}", trigger))
    replayed = await api.call("POST", f"/deliveries/{added.id}/replay", ada)
    assert replayed["id"] == added.id
    async with asyncio.timeout(20):
        while (await api.call("GET", f"/deliveries/{added.id}", ada))["state"] in {"received", "ignored"}:
            await asyncio.sleep(0.05)
    whole = await api.call("GET", f"/deliveries/{added.id}", ada)
    assert (whole["state"], [one["runbook"] for one in whole["hits"]]) == ("started", ["shut"])

    [incident] = whole["incidents"]
    attach = f"/incidents/{incident}/attach?source=guardduty"
    other = FINDING.replace(b"f-1", b"f-2")
    assert await api.call("POST", attach, ada, content=other) == {"incident": incident, "alerts": 2}
    error = await api.refused("POST", attach, ada, 400, content=b"{}")
    assert "is not a GuardDuty finding" in error["what"]
    error = await api.refused("POST", attach.replace("guardduty", "guarduty"), ada, 400, content=other)
    assert "Did you mean guardduty" in error["next"]
    secret = "xoxb-0123456789-canary0123456789"
    packed = base64.b64encode(json.dumps({"title": f"found {secret}"}).encode()).decode()
    cloud = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "leak", "data_base64": packed}
    seen = attach.replace("guardduty", "cloudevents")
    assert (await api.call("POST", seen, ada, json=cloud))["alerts"] == 3
    view = json.dumps(await api.call("GET", f"/incidents/{incident}", ada))
    entries = json.dumps(await api.call("GET", f"/incidents/{incident}/timeline", ada))
    assert "found sha256:" in view + entries
    assert "canary" not in view + entries
    await api.call("POST", f"/incidents/{incident}/abort", ada, json={"reason": "test over"})


async def test_a_dead_letter_is_dismissed(api: Api) -> None:
    """Nobody waits for it any more, and it says who has seen to that; again it changes nothing."""
    ada = api.token("ada", "user:ada")
    added = await api.server.deliveries.add(NewDelivery("guardduty", "guardduty", "1", {}, b"{}"))
    api.server.wake()
    async with asyncio.timeout(20):
        while (await api.call("GET", f"/deliveries/{added.id}", ada))["state"] != "dead":
            await asyncio.sleep(0.05)
    for _ in range(2):
        done = await api.call("POST", f"/deliveries/{added.id}/dismiss", ada)
        assert (done["id"], done["state"]) == (added.id, "ignored")
        assert done["against"].startswith("dismissed by user:ada: ")
    await api.refused("POST", "/deliveries/there-is-none/dismiss", ada, 400)


@pytest.mark.parametrize("value", ['"\\ud800"', "NaN", "1e999", "[" * 400 + "]" * 400, '["\\ud800"]', "1" + "0" * 400])
async def test_what_no_json_holds(api: Api, value: str) -> None:
    """Half a character, a number that is none, brackets without end: 400 wherever it stands, also as a name."""
    ada = {**api.token("ada", "user:ada"), "content-type": "application/json"}
    for path, body in (
        ("/incidents", f'{{"runbook": "shut", "inputs": {{"name": {value}}}}}'),
        ("/incidents", '{"runbook": "shut", "inputs": {"name": "a", "\\ud800": 1}}'),
        ("/incidents", f'{{"runbook": {value}, "inputs": {{"name": "a"}}}}'),
        ("/plans", f'{{"runbook": "shut", "inputs": {{"name": {value}}}}}'),
        ("/incidents/x/note", f'{{"reason": {value}}}'),
        ("/incidents/x/answer", f'{{"step": "gate", "answers": {{"a": {value}}}}}'),
        ("/incidents/x/retry", f'{{"step": "gate", "arguments": {{"a": {value}}}}}'),
        ("/incidents/x/retry", '{"step": "gate", "\\ud800": 1}'),
        ("/incidents/x/undo", f'{{"steps": [{value}]}}'),
    ):
        assert await api.refused("POST", path, ada, 400, content=body)


@pytest.mark.parametrize("content", [b'{"reason": "seen"}', b"\xff\x00", b"reason=seen"])
async def test_a_body_that_does_not_say_that_it_is_json(api: Api, content: bytes) -> None:
    """curl's `--data` alone calls everything a form: 400 that says what is missing, whatever it holds."""
    ada = {**api.token("ada", "user:ada"), "content-type": "application/x-www-form-urlencoded"}
    for path in ("/incidents", "/plans", "/lint", "/incidents/x/note", "/incidents/x/undo"):
        error = await api.refused("POST", path, ada, 400, content=content)
        assert "Content-Type: application/json" in error["what"]


async def test_what_is_no_call_is_told_in_the_same_shape(api: Api) -> None:
    """A wrong path and a wrong method; a stranger is asked who it is first."""
    ada = api.token("ada", "user:ada")
    error = await api.refused("GET", "/incident", ada, 404)
    assert error["what"] == "GET /api/v1/incident is no call of this API (Not Found)."
    assert "/api/v1/openapi.json" in error["next"]
    assert "DELETE" in (await api.refused("DELETE", "/incidents", ada, 405))["what"]
    await api.refused("GET", "/incident", {}, 401)
    assert (await api.client.get("/nowhere")).json() == {"detail": "Not Found"}


async def test_before_temporal_has_answered(settings: Settings) -> None:
    """The API says so, and what to do."""
    settings = settings.model_copy(update={"people": {"ada": Person(identities=("os:ada",))}})
    async with open_site(settings) as server:
        transport = httpx.ASGITransport(create_app(server))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            _, value = Tokens(settings.tokens_path).create("ada", "user:ada", EVERY, timedelta(days=1))
            answer = await client.get(
                "/api/v1/incidents", headers={"authorization": f"Bearer {value.get_secret_value()}"}
            )
    assert answer.status_code == 503
    assert answer.json()["error"]["what"] == "Temporal has not answered since the server was started."


def test_a_decision_can_say_all_that_a_decision_can() -> None:
    """The body is a promise of its own: nothing is missing in it but who decides, and no verb but that for alerts."""
    of_clocks = {"clock", "moment", "at"}
    assert set(DecisionBody.model_fields) == set(Decision.model_fields) - {"responder"} - of_clocks
    assert set(ClockBody.model_fields) == of_clocks | {"reason"}
    assert set(get_args(DecisionVerb)) == set(get_args(Verb)) - {"alert"}
