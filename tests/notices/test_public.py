"""The public copy: anybody can check it, it names nobody, and nothing else that we sign passes for one."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.notices.composing import Composer
from firedoor.notices.public import CHECK, public_copy, public_key, verified_copy
from firedoor.notices.specimen import SOMEBODY, shown_to, specimen
from firedoor.plan import Cohort
from firedoor.timeline.checkpoint import Checkpoint, CheckpointError, Signer
from tests.noticing import Write

NOW = 1_777_939_200.0
SIGNER = Signer("beacon.example/timeline", b"k" * 32)


@pytest.fixture
def copy(settings: Settings) -> str:
    """The copy of a campaign with two cohorts and reminders."""
    row = specimen(settings, "provider-keys-exposed", 1, NOW)
    cohorts = (Cohort(name="stolen", when="true"), Cohort(name="rest", when="true"))
    row = replace(row, spec=row.spec.model_copy(update={"cohorts": cohorts, "remind": (3600,)}))
    return public_copy(settings, row, Composer(settings, row), SIGNER, NOW)


def test_copy_has_every_text_and_names_nobody(copy: str) -> None:
    """Each language, each thing that a reader may be told, the reminder; and nothing that is a reader's own."""
    text = verified_copy(copy, SIGNER.verifier)
    assert text.count("=== en, ") == text.count("=== de, ") == 6
    assert "were read" in text
    assert "have to assume" in text
    assert "were within reach" in text
    assert "Subject: Reminder: Security notice from Beacon AI" in text
    assert "‹your company›" in text
    assert "‹your link›" in text
    assert "/n/" not in text


def test_each_text_says_for_whom_it_is(copy: str) -> None:
    """By what it says is known of the keys; a cohort is named where only that is told so."""
    texts = {heading: text for heading, _, text in (part.partition(" ===\n") for part in copy.split("=== ")[1:])}
    assert list(texts)[3:6] == ["de, reminder, confirmed", "de, reminder, likely", "de, reminder, possible"]
    for before in ("en, ", "en, reminder, "):
        assert "were read" in texts[f"{before}confirmed"]
        assert "have to assume" in texts[f"{before}likely"]
        assert "were within reach" in texts[f"{before}possible"]
    assert "This is reminder 1" in texts["en, reminder, possible"]


def test_a_cohort_that_is_told_otherwise_is_named(settings: Settings, write: Write) -> None:
    """And what all are told has no name but its language."""
    write(en__body_txt="{% if customer.cohort == 'stolen' %}It was stolen.{% else %}It is safe.{% endif %}")
    row = specimen(settings, "test", 1, NOW)
    cohorts = (Cohort(name="stolen", when="true"), Cohort(name="rest", when="true"))
    row = replace(row, spec=row.spec.model_copy(update={"cohorts": cohorts}))
    text = public_copy(settings, row, Composer(settings, row), SIGNER, NOW)
    headings = [line for line in text.splitlines() if line.startswith("=== ")]
    assert headings == ["=== en, stolen ===", "=== en, rest ==="]
    row = replace(row, spec=row.spec.model_copy(update={"cohorts": ()}))
    assert "=== en ===" in public_copy(settings, row, Composer(settings, row), SIGNER, NOW)


def test_copy_is_the_message(settings: Settings, copy: str) -> None:
    """All lines of a message that are not the reader's own stand in the copy."""
    reader = shown_to(SOMEBODY)
    sent = Composer(settings, specimen(settings, "provider-keys-exposed", 1, NOW)).compose(reader, reader.ways[0])
    shown = set(copy.splitlines())
    own = [line for line in sent.text.splitlines() if line not in shown]
    assert all(
        any(word in line for word in ("Ada", "Northwind", "OPENAI", "ANTHROPIC", "eval", "https:", "Replaced at"))
        for line in own
    ), own


def test_changed_copy_is_refused(copy: str) -> None:
    """One letter more, another key: no copy of ours."""
    with pytest.raises(CheckpointError, match="does not fit"):
        verified_copy(copy.replace("Beacon", "Bacon", 1), SIGNER.verifier)
    with pytest.raises(CheckpointError, match="not signed by"):
        verified_copy(copy, Signer("beacon.example/timeline", b"x" * 32).verifier)


def test_checkpoint_is_no_copy() -> None:
    """What the same key signs for the timeline does not pass for a notice."""
    note = SIGNER.sign(Checkpoint("beacon.example/timeline", 1, b"r" * 32))
    with pytest.raises(CheckpointError, match="no public copy"):
        verified_copy(note, SIGNER.verifier)


def test_openssl_alone_can_check_it(copy: str, tmp_path: Path) -> None:
    """Whoever does not trust firedoor checks the signature with what every system has, as the how-to says."""
    (tmp_path / "copy.txt").write_text(copy, encoding="utf-8")
    (tmp_path / "key.pem").write_text(public_key(SIGNER.verifier))
    how_to = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "notices.md").read_text()
    commands = "\n".join(CHECK)
    assert commands in how_to
    assert all(line in copy for line in CHECK)
    done = subprocess.run(["sh", "-ec", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    (tmp_path / "copy.txt").write_text(copy.replace("Beacon", "Bacon", 1), encoding="utf-8")
    again = subprocess.run(["sh", "-ec", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode != 0
