"""The report of an incident: what is in it, what it is proved by, and that nothing in a text becomes markup."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firedoor.campaign import MessageState
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.outbox.store import Outbox
from firedoor.report.document import Code, Document, Facts, Listing, Mark, Section, Share, Table, Text
from firedoor.report.making import make
from firedoor.report.markdown import markdown
from firedoor.report.page import page
from firedoor.report.told import campaigns
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import verify
from tests.browsing import PHONE, Browser, shown
from tests.campaigning import CAMPAIGN, campaign, recipient

INCIDENT = CAMPAIGN.rpartition(".")[0]
ATTACK = "<script>alert(1)</script> | `x` \x1b[31m"
ADA = {"kind": "human", "id": "user:ada", "auth": "os"}


def drafts(*, ended: bool) -> Iterator[Draft]:
    """An incident with a verdict that is proved and one that is not, an approval, a clock, an intent without an end."""
    opened = {"actor": ADA, "say": f"Contain it: opened by {ADA['id']}", "runbook": "gateway", "plan": "a" * 64}
    yield Draft(Kind.INCIDENT_OPENED, INCIDENT, "open", {**opened, "inputs": {"key": "AKIA", "stores": ["a:", "b:"]}})
    approval = {"actor": ADA, "cause": {"step": "off"}, "verb": "approve", "digest": "d" * 16, "reason": ATTACK}
    yield Draft(Kind.APPROVAL, INCIDENT, "yes", approval)
    for step, verdict in (("off", "contained"), ("deny", "unknown")):
        action = {"name": f"aws.iam.{step}", "target": "AKIA"}
        result = {"status": "ok", "verdict": verdict, "changed": True, "summary": f"{step} was done. {ATTACK}"}
        evidence = [{"source": "iam:ListAccessKeys", "says": "Inactive " + "x" * 500}]
        body = {"action": action, "cause": {"step": step}, "result": result, "evidence": evidence}
        yield Draft(Kind.ACTION_OUTCOME, INCIDENT, step, body)
    yield Draft(
        Kind.ACTION_INTENT, INCIDENT, "lost", {"action": {"name": "x", "target": "y"}, "cause": {"step": "lost"}}
    )
    due = {"deadline": "authority", "say": "GDPR 33(1): due 2026-12-02T10:00:00Z (72 h)", "due": "2026-12-02T10:00:00Z"}
    yield Draft(Kind.DEADLINE_SET, INCIDENT, "set", due)
    late = {"deadline": "authority", "say": "GDPR 33(1): met late", "late": True, "due": "2026-12-02T10:00:00Z"}
    yield Draft(Kind.DEADLINE_MET, INCIDENT, "met", late)
    if ended:
        closed = {"say": "NOT contained: deny.", "state": "completed", "verdict": "unknown"}
        yield Draft(Kind.INCIDENT_CLOSED, INCIDENT, "close", closed)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder with such an incident, and a campaign of it."""
    found = Settings(home=tmp_path)
    with Timeline.open(found.timeline_path, found.signing_key_path, found.log) as timeline:
        timeline.append(list(drafts(ended=True)))
    campaign(found.outbox_path, [recipient("acme", 0), recipient("globex", 1)])
    return found


def test_it_tells_what_was_done_and_what_was_not_proved(settings: Settings, tmp_path: Path) -> None:
    """What is not proved stands first; approvals with their digests; clocks; campaigns by counts, without a name."""
    text = make(settings, INCIDENT, tmp_path / "report.md", "user:ada").path.read_text()
    assert text.index("| deny | … unknown") < text.index("| off | ✓ contained")
    for wanted in (
        "NOT contained: deny",
        "d" * 16,
        "✗ late",
        "begun, with no recorded end",
        "**approved content and recipients**: `" + "d" * 64,
        "**rotated**: 0 of 2 (0 %)",
        "a:, b:",
    ):
        assert wanted in text, wanted
    assert "acme" not in text.casefold()
    assert "x" * 200 not in text


def test_the_bundle_beside_it_proves_it(settings: Settings, tmp_path: Path) -> None:
    """Its digest stands in the page, and it verifies with the key that stands there as well."""
    made = make(settings, INCIDENT, tmp_path / "report.html", "user:ada")
    found = verify(made.bundle.read_bytes(), made.proofs.public_key)
    assert (found.ok, found.requested_by) == (True, "user:ada")
    text = made.path.read_text()
    assert found.bundle_sha256 in text
    assert made.proofs.root in text


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_nothing_that_an_attacker_wrote_becomes_markup(settings: Settings, tmp_path: Path, suffix: str) -> None:
    """No tag, no cell that ends early, no control character."""
    text = make(settings, INCIDENT, tmp_path / f"report{suffix}", "user:ada").path.read_text()
    assert "<script" not in text
    assert "\x1b" not in text
    assert "alert(1)" in text
    if suffix == ".md":
        rows = [line.replace("\\|", "") for line in text.splitlines() if "alert(1)" in line and line.startswith("|")]
        assert rows
        assert {row.count("|") for row in rows} <= {6, 7}


def test_an_incident_that_goes_on_has_a_report_so_far(tmp_path: Path) -> None:
    """It says so, and there is none without entries."""
    settings = Settings(home=tmp_path)
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        timeline.append(list(drafts(ended=False)))
    text = make(settings, INCIDENT, tmp_path / "report.md", "user:ada").path.read_text()
    assert "… going on" in text
    assert "The incident has not ended" in text
    with pytest.raises(UsageError, match="no incident 'other'"):
        make(settings, "other", tmp_path / "other.md", "user:ada")


@pytest.mark.parametrize(("name", "says"), [("report.pdf", "neither .html nor .md"), ("there.md", "there.md exists")])
def test_a_file_that_cannot_be_written_is_refused_before_the_timeline_is_touched(
    settings: Settings, tmp_path: Path, name: str, says: str
) -> None:
    """No export is recorded for it."""
    (tmp_path / "there.md").write_text("mine")
    with pytest.raises(UsageError, match=says):
        make(settings, INCIDENT, tmp_path / name, "user:ada")
    with Timeline.read(settings.timeline_path) as timeline:
        assert Kind.EXPORT not in {stored.entry.kind for stored in timeline.entries(INCIDENT)}


def test_the_campaigns_of_an_incident_are_counted(settings: Settings) -> None:
    """Its own only; each message by channel, reminder and state."""
    with Outbox.open(settings.outbox_path) as outbox:
        [told] = campaigns(outbox, INCIDENT, 0)
        assert campaigns(outbox, "another", 0) == ()
    assert told.messages == {("email", 0, MessageState.QUEUED): 2}
    assert (told.rows, told.unique) == (2, 2)


def test_a_document_looks_the_same_in_both(tmp_path: Path) -> None:
    """Every kind of part and cell is written by both."""
    rows = ((Mark("yes", "good"), Code("a`b|c"), Share(1, 3)), ("plain", Mark("no", "bad"), Share(0, 0)))
    parts = (
        Text("A <b>text</b>."),
        Facts((("name", "value"),)),
        Table("Rows", ("a", "b", "c"), rows, "And 3 more."),
        Listing(("sha256sum x.zip",)),
    )
    made = Document("Title", Mark("open", "open"), "Lead.", "A drill.", (Section("one", "One", parts),), "Foot.")
    html, text = page(made), markdown(made)
    for wanted in (
        "Title",
        "Lead.",
        "A drill.",
        "One",
        "value",
        "And 3 more.",
        "sha256sum x.zip",
        "Foot.",
        "1 of 3 (33 %)",
    ):
        assert wanted in html, wanted
        assert wanted in text, wanted
    assert "A &lt;b&gt;text&lt;/b&gt;." in html
    assert "0 of 0 (100 %)" in html


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_on_a_telephone(dark: bool, browser: Browser) -> None:
    """Nothing but a table is wider than the screen, and axe-core minds nothing."""
    state = Mark("ended: its course is over, and every customer was reached (system:firedoor)", "good")
    parts = (Facts((("state", state),)), Table("Rows", ("a", "b"), ((Mark("a " * 40, "bad"), Code("x" * 90)),)))
    made = Document("Title", state, "Lead.", "A drill.", (Section("one", "One", parts),), "Foot.")
    seen = shown(browser, page(made), width=PHONE, dark=dark)
    assert seen.overflow <= 0
    assert not seen.violations
