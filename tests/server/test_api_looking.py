"""What else can be looked at by the API: what a payload would start, notices, the inventory, the report."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor.config import Settings
from firedoor.server.api.alerts import MOST
from firedoor.server.tokens import Scope
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import verify
from tests.deliveries.conftest import LEAK, finding
from tests.noticing import TEXTS
from tests.server.asking import Asking
from tests.server.conftest import DOORS, NOWHERE, SECRETS

READ = Scope.READ
INVENTORY = """
credentials:
  gateway:
    {provider: openai, id: key_1, where: ['aws-sm:gateway/openai'], consumers: [gateway], customers: [acme]}
  idle: {provider: anthropic, id: key_2, where: ['aws-sm:idle']}
  nowhere: {provider: openai, id: key_3, consumers: [gateway]}
consumers: {gateway: {title: The gateway, customers: [globex]}}
customers: {acme: {contact: security@acme.example}, globex: {}}
"""
TEST = "/alerts/test?source="


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A runbook, a door with a map, a notice of one's own, an inventory, and an incident that has ended."""
    for name, text in {
        "leak.yaml": LEAK.format(rules=""),
        "broken.yaml": "name: broken\nsteps: 5\n# guardduty",
    }.items():
        (tmp_path / "runbooks").mkdir(exist_ok=True)
        (tmp_path / "runbooks" / name).write_text(text)
    for path, text in TEXTS.items():
        (tmp_path / "notices" / "own" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "notices" / "own" / path).write_text(text)
    mapped = {
        "source": "generic",
        "secrets": ["env:FIREDOOR_SECRET_SPLUNK"],
        "map": {"id": "body.name", "title": "body.says"},
    }
    found = Settings.model_validate(
        {
            "home": tmp_path / "home",
            "alerts": DOORS | {"mapped": mapped},
            "secret_environment": SECRETS,
            "temporal_environment": NOWHERE,
            "runbooks": [str(tmp_path / "runbooks")],
            "notices": {"folder": str(tmp_path / "notices"), "company": "Beacon AI", "support": "help@beacon.example"},
            "server": {"public_url": "https://notices.beacon.example"},
        }
    )
    found.home.mkdir()
    found.inventory_path.write_text(INVENTORY)
    with Timeline.open(found.timeline_path, found.signing_key_path, found.log) as timeline:
        opened = Draft(Kind.INCIDENT_OPENED, "inc-1", "open", {"say": "Close the door: opened by user:ada"})
        timeline.append([opened, Draft(Kind.INCIDENT_CLOSED, "inc-1", "close", {"say": "Contained."})])
    return found


@pytest.fixture
def asking(client: httpx.AsyncClient, settings: Settings) -> Asking:
    """A server that looks at all that."""
    return Asking(client, settings)


async def tried(asking: Asking, source: str, body: bytes, **headers: str) -> Any:
    """What a payload would do."""
    answer = await asking.answer("POST", f"{TEST}{source}", [READ], content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_payload_that_would_start_something(asking: Asking) -> None:
    """Which runbook with which inputs, whom it asks, why the others would not start; nothing comes of it."""
    told = await tried(asking, "guardduty", finding("AKIAX"))
    [alert] = told["alerts"]
    [would] = alert["would"]
    assert (told["starts"], would["runbook"], would["inputs"], would["incident"]) == (
        True,
        "leak",
        {"key": "AKIAX"},
        "leak-AKIAX",
    )
    assert would["asks"] == {"gate": "security"}
    assert alert["alert"]["raw"] == {}
    against = "\n".join(alert["against"])
    assert "aws-access-key-leaked: its condition does not hold" in against
    assert "broken: it has mistakes: firedoor lint broken" in against
    assert await asking.get("/deliveries", READ) == []


async def test_a_payload_that_would_start_nothing(asking: Asking) -> None:
    """It says why: a field that is missing, a ping, a door whose alerts no runbook waits for."""
    told = await tried(asking, "guardduty", finding(""))
    assert not told["starts"]
    assert "alert.access_key_id is empty" in "\n".join(told["alerts"][0]["against"])
    ping = await tried(
        asking, "github", b'{"zen": "Keep it logically awesome.", "hook_id": 1}', **{"x-github-event": "ping"}
    )
    assert (ping["starts"], ping["alerts"], bool(ping["note"])) == (False, [], True)
    mapped = await tried(asking, "mapped", b'{"name": "n1", "says": "hello"}')
    assert (mapped["alerts"][0]["alert"]["title"], mapped["alerts"][0]["alert"]["door"]) == ("hello", "mapped")


async def test_secrets_in_a_payload_are_not_shown(asking: Asking) -> None:
    """Not even those that only its source has opened."""
    secret = "xoxb-0123456789-canary0123456789"
    packed = base64.b64encode(json.dumps({"title": f"found {secret}"}).encode()).decode()
    cloud = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "leak", "data_base64": packed}
    told = json.dumps(await tried(asking, "cloudevents", json.dumps(cloud).encode()))
    assert "found sha256:" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("source", "body", "says"),
    [
        ("guardduty", b"nonsense", "it is not JSON"),
        ("guardduti", b"{}", "There is no alert source 'guardduti'."),
        ("guardduty", b"[" * 100_000, "nested"),
        (
            "alertmanager",
            json.dumps(
                {
                    "version": "4",
                    "alerts": [{"status": "firing", "labels": {"alertname": str(n)}} for n in range(MOST + 1)],
                }
            ).encode(),
            "The payload holds 101 alerts.",
        ),
    ],
)
async def test_a_payload_that_cannot_be_tried(asking: Asking, source: str, body: bytes, says: str) -> None:
    """Refused with a sentence, and nothing was started."""
    error = await asking.refused(400, "POST", f"{TEST}{source}", READ, content=body)
    assert says in error["what"]
    assert error["changed"] == "Nothing was started."


async def test_notices(asking: Asking) -> None:
    """Those that ship and one's own, each of its versions; without a mistake until there is one."""
    found = {(one["name"], one["version"]): one for one in await asking.get("/notices", READ)}
    assert {("own", 1), ("provider-keys-exposed", 1), ("provider-keys-exposed", 2)} <= found.keys()
    assert found["secret-disabled", 1]["kind"] == "security"
    assert (found["own", 1]["title"], found["own", 1]["languages"]) == ("A notice for tests", ["en"])
    assert await asking.get("/notices/own/lint", READ) == []
    text = Path(asking.settings.notices.folder) / "own" / "en" / "body.txt"
    text.write_text(text.read_text() + "\n{{ no.such.thing }}\n")
    [mistake] = await asking.get("/notices/own/lint", READ)
    assert (mistake["file"], mistake["line"]) == (str(text), len(text.read_text().splitlines()))
    assert "no" in mistake["message"]


@pytest.mark.parametrize("name", ["owm", "..%2f..%2fetc", "%00", "own%2flint"])
async def test_a_notice_that_is_none(asking: Asking, name: str) -> None:
    """No name leads out of the folders."""
    answer = await asking.answer("GET", f"/notices/{name}/lint", [READ])
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["what"]


async def test_the_inventory(asking: Asking) -> None:
    """Counted; its credentials in pages, filtered; one of them with everybody who is hit."""
    counts = {"credentials": 3, "consumers": 1, "customers": 2, "unused": 1, "unplaced": 1}
    assert await asking.get("/inventory", READ) == counts
    first = await asking.get("/inventory/credentials?limit=2", READ)
    assert ([one["entry"] for one in first["items"]], first["next"]) == (["gateway", "idle"], "idle")
    rest = await asking.get("/inventory/credentials?limit=2&after=idle", READ)
    assert ([one["entry"] for one in rest["items"]], rest["next"]) == (["nowhere"], "")
    for query, names in (("unused", ["idle"]), ("unplaced", ["nowhere"])):
        found = await asking.get(f"/inventory/credentials?{query}=true", READ)
        assert [one["entry"] for one in found["items"]] == names
    one = await asking.get("/inventory/credentials/gateway", READ)
    assert (one["id"], one["hit_consumers"], one["hit_customers"]) == ("key_1", ["gateway"], ["acme", "globex"])
    [consumer] = (await asking.get("/inventory/consumers", READ))["items"]
    assert (consumer["entry"], consumer["title"]) == ("gateway", "The gateway")
    customers = (await asking.get("/inventory/customers?limit=1", Scope.CUSTOMERS))["items"]
    assert [one["contact"] for one in customers] == ["security@acme.example"]


async def test_an_inventory_that_cannot_be_read(asking: Asking) -> None:
    """Every mistake of it; a credential that is not there; no inventory at all."""
    error = await asking.refused(400, "GET", "/inventory/credentials/gone", READ)
    assert error["what"] == "The inventory has no credential 'gone'."
    asking.settings.inventory_path.write_text("credentials: {a: {provider: openai, colour: red}, b: 5}\n")
    error = await asking.refused(400, "GET", "/inventory", READ)
    assert error["what"].startswith("2 mistakes in the inventory:")
    asking.settings.inventory_path.unlink()
    assert "cannot be read" in (await asking.refused(400, "GET", "/inventory/consumers", READ))["what"]


@pytest.mark.parametrize(("form", "begins"), [("html", "<!doctype html>"), ("md", "# ")])
async def test_a_report_with_its_proof(asking: Asking, form: str, begins: str) -> None:
    """The page and the bundle that it names, which verifies; the export is on record, with who asked for it."""
    answer = await asking.answer("POST", f"/incidents/inc-1/report?format={form}", [READ])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        page, bundle = archive.read(f"inc-1.{form}").decode(), archive.read("inc-1.zip")
    assert page.casefold().startswith(begins)
    assert "Close the door" in page
    settings = asking.settings
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        [*_, export] = [one.entry for one in timeline.entries("inc-1")]
        seen = verify(bundle, str(timeline.verifier))
    assert (seen.ok, seen.entries) == (True, 3)
    assert seen.bundle_sha256 in page
    assert export.kind == Kind.EXPORT
    assert export.body["say"].endswith(f"exported for the report inc-1.{form}.")
    assert export.body["actor"]["kind"] == "system"


async def test_a_report_that_cannot_be_made(asking: Asking) -> None:
    """Of no incident, in no such form; a reader's scope does, another does not."""
    assert "no incident 'inc-2'" in (await asking.refused(400, "POST", "/incidents/inc-2/report", READ))["what"]
    assert "query.format" in (await asking.refused(400, "POST", "/incidents/inc-1/report?format=pdf", READ))["what"]
    await asking.refused(403, "POST", "/incidents/inc-1/report", Scope.START)
    asking.settings.timeline_path.unlink()
    error = await asking.refused(400, "POST", "/incidents/inc-1/report", READ)
    assert error["what"] == "There is no timeline yet."
