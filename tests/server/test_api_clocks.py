"""Clocks by the API: listed, declared, met and waived, with the scopes that it takes."""

from pathlib import Path

from firedoor.server.tokens import Scope
from tests.server.test_api import Api, api

__all__ = ["api"]

CLOCKED = """
name: clocked
inputs: {leak: {type: string}}
identity: [leak]
approvals: {security: {from: ['role:security']}}
clocks:
  authority: {regime: gdpr, stage: authority, to: [security]}
steps:
  gate: {approval: security}
"""


async def test_clocks_from_start_to_met(api: Api) -> None:
    """What the command line can, a program can; a reader only reads."""
    folder: Path = api.settings.runbooks[0]
    (folder / "clocked.yaml").write_text(CLOCKED)
    ada, reader = api.token("ada", "user:ada"), api.token("reader", "system:reader", Scope.READ)
    body = {"runbook": "clocked", "inputs": {"leak": "one"}}
    incident = (await api.call("POST", "/incidents", ada, json=body))["incident"]
    path = f"/incidents/{incident}/clocks"
    said = {"moment": "aware", "at": "2026-11-28T08:00:00Z", "reason": "the night shift called"}
    done = await api.call("POST", f"{path}/declare", ada, json=said)
    assert "authority is due 2026-12-01T08:00:00.000Z" in done["done"]
    listed = await api.call("GET", "/clocks", reader)
    assert listed["note"] == "Not legal advice; confirm with counsel."
    assert [one["state"] for one in listed["clocks"] if one["incident"] == incident] == ["running"]
    error = await api.refused("POST", f"{path}/meet", ada, 409, json={"clock": "authority"})
    assert "needs a reason" in error["what"]
    await api.refused("POST", f"{path}/meet", reader, 403, json={"clock": "authority", "reason": "x"})
    await api.call("POST", f"{path}/meet", ada, json={"clock": "authority", "reason": "receipt 4711"})
    [clock] = (await api.call("GET", path, reader))["clocks"]
    assert (clock["state"], clock["by"], clock["reason"]) == ("met", "user:ada", "receipt 4711")
