"""What the faults found, reduced: each of these failed once."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import ResponseParserError

from activities._ledger import Earlier
from activities.aws.accounts import botocore_errors
from firedoor.canonical import canonical_bytes
from firedoor.errors import StepError
from firedoor.incident import StepState
from firedoor.plan import Retry
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from tests.workflows import actions
from tests.workflows.conftest import off, plan_of, site_at


def test_a_second_crash_adopts_the_outcome_and_not_its_reconciliation(tmp_path: Path) -> None:
    """Attempt 1 dies, attempt 2 reads back and records, then dies too: attempt 3 adopts what attempt 2 recorded."""
    timeline = Timeline.open(tmp_path / "timeline.sqlite", tmp_path / "timeline.key", "test/log")
    shared = {"action": canonical_bytes({"name": "test.shut", "target": "key", "target_key": "0"})}

    def record(kind: Kind, idem: str, ref: str = "", **result: str) -> str:
        body = {"result": result, "evidence": []} if kind is Kind.ACTION_OUTCOME else {"result": result}
        [receipt] = timeline.append([Draft(kind, "incident", idem, body, "scope", ref, shared=shared)])
        return receipt.id

    died = record(Kind.ACTION_INTENT, "1/intent")
    second = record(Kind.ACTION_INTENT, "2/intent")
    record(Kind.ACTION_OUTCOME, "2/outcome", second, status="ok", verdict="contained", summary="it is off")
    record(Kind.ACTION_RECONCILED, "2/reconciled", died, status="ok", summary="it was read back")

    earlier = Earlier.of([stored.entry for stored in timeline.entries(scope="scope")], [])
    timeline.close()
    assert earlier.done["0"]["result"]["summary"] == "it is off"
    assert "evidence" in earlier.done["0"]


def test_a_retry_knows_what_the_round_before_began_and_did_not_do(tmp_path: Path) -> None:
    """The first intent of the newest round counts; once a round has done it, the next one begins anew."""
    timeline = Timeline.open(tmp_path / "timeline.sqlite", tmp_path / "timeline.key", "test/log")

    def record(kind: Kind, number: int, idem: str, **body: Any) -> None:
        about = {"action": {"target_key": "0"}, "cause": {"round": number}}
        shared = {name: canonical_bytes(value) for name, value in about.items()}
        timeline.append([Draft(kind, "incident", idem, body, shared=shared)])

    def begun() -> str:
        found = Earlier.of([], [stored.entry for stored in timeline.entries()]).begun
        return str(found["0"].body["change"]) if found else ""

    for number, name in ((1, "first"), (1, "its second attempt"), (2, "retried"), (2, "its second attempt")):
        record(Kind.ACTION_INTENT, number, f"{number}/{name}", change=name, preview={})
    record(Kind.ACTION_OUTCOME, 2, "2/failed", result={"status": "failed"})
    assert begun() == "retried"
    record(Kind.ACTION_OUTCOME, 2, "2/ok", result={"status": "ok"})
    assert begun() == ""
    timeline.close()


def test_an_answer_that_cannot_be_read_is_a_failure_that_quotes_nothing() -> None:
    """A truncated answer to CreateAccessKey holds the secret, and botocore's own error quotes it."""
    secret = secrets.token_hex()
    with pytest.raises(StepError) as error, botocore_errors("iam:CreateAccessKey", "AWS"):
        raise ResponseParserError(f"Unable to parse response: b'<SecretAccessKey>{secret}</Secr'")
    assert error.value.retryable
    assert secret not in str(error.value)
    assert error.value.changed != "Nothing was changed."
    assert error.value.next


async def test_after_a_change_no_later_attempt_says_that_nothing_was_changed(
    temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt changes the switch and loses the answer; the second cannot even look."""
    monkeypatch.setattr(actions, "WORLD", actions.World())
    actions.WORLD.failures = {"before a": ["", "permission_missing"], "a": ["unreachable"]}
    async with site_at(temporal_address, tmp_path / "home") as site:
        incident = await site.start(plan_of(off("a", retry=Retry(attempts=2))))
        step = await site.reaches(incident, "a", StepState.NEEDS_ATTENTION)
        await site.decide(incident, "abort", reason="cannot work")
    assert actions.WORLD.effects == ["a"]
    assert step.failure is not None
    assert step.failure.reason == "permission_missing"
    assert step.failure.changed != "Nothing was changed."


async def test_the_patch_of_a_new_incident_is_marked_before_anything_else(
    temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay learns of patches one workflow task at a time: one that is marked after the opening may come too late.

    Then another worker, after a kill, takes the incident for an old one, and it is stuck for ever (`TMPRL1100`).
    """
    monkeypatch.setattr(actions, "WORLD", actions.World())
    async with site_at(temporal_address, tmp_path / "home") as site:
        view = await site.run(plan_of(off("a")))
        history = await site.client.get_workflow_handle(view.id).fetch_history()
    kept = [event.marker_recorded_event_attributes.marker_name for event in history.events]
    markers = [name for name in kept if name]
    assert "core_local_activity" in markers
    assert markers[0] == "core_patch"
