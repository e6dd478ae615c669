"""The drills of credentials: through a real Temporal server and worker, fakes that behave, an enforcing emulator."""

import asyncio
import re
from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.drill.ai_vendor_breached import AiVendorBreached
from firedoor.drill.aws_account_breached import AwsAccountBreached
from firedoor.drill.credentials_stage import CredentialsStage
from firedoor.drill.github_token_leaked import GitHubTokenLeaked
from firedoor.drill.rehearsal import Audience, Rehearsal
from firedoor.drill.rotate_everything import RotateEverything
from firedoor.plan import Verdict
from tests.written import contents

#: Steps with a verdict, and the action whose record Temporal must hold in plain text for the search to mean something.
DRILLS = [
    (RotateEverything, 1, b"credential.rotate"),
    (GitHubTokenLeaked, 2, b"credential.revoke"),
    (AiVendorBreached, 3, b"credential.usage"),
    (AwsAccountBreached, 5, b"aws.iam.find_persistence"),
]


@pytest.mark.parametrize(("drill", "verdicts", "action"), DRILLS, ids=[drill.name for drill, _, _ in DRILLS])
def test_it_is_contained_and_no_value_is_written_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drill: type[CredentialsStage], verdicts: int, action: bytes
) -> None:
    """By the providers' own refusals; no value in history, database, timeline, logs or export, read without the codec."""
    configured = drill.configuration
    monkeypatch.setattr(drill, "configuration", lambda self: {"codec": False, **configured(self)})
    kept = tmp_path / "kept"
    kept.mkdir()
    done = asyncio.run(Rehearsal(drill(), Settings(home=tmp_path), Audience()).run(kept))
    assert (done.contained, done.verdict) == (True, Verdict.CONTAINED), done.sentence
    assert [step.verdict for step in done.steps if step.verdict] == [Verdict.CONTAINED] * verdicts
    written = [*contents(kept, without="emulator")]
    for place in ("temporal.db: ", "timeline.sqlite: ", "incident.zip: "):
        assert any(action in text for name, text in written if place in name)
    for name, text in written:
        # The language has a word `canary` of its own.
        assert not re.search(rb"canary[0-9a-f]{8}", text), name
