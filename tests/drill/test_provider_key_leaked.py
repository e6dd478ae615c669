"""The drill of a leaked provider key: through a real Temporal server and worker, a fake OpenAI, an enforcing emulator."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firedoor.config import Settings
from firedoor.drill.provider_key_leaked import ProviderKeyLeaked
from firedoor.drill.rehearsal import Audience, Rehearsal
from firedoor.plan import Verdict


class Unencrypted(ProviderKeyLeaked):
    """With what Temporal stores left readable, so that it can be searched."""

    def configuration(self) -> Mapping[str, Any]:
        """Without the codec."""
        return {**super().configuration(), "codec": False}


def test_the_leaked_key_dies_and_its_value_is_nowhere(tmp_path: Path) -> None:
    """Contained by OpenAI's own refusal; consumers have the new key; no value in history, timeline, logs or export."""
    scenario = Unencrypted()
    kept = tmp_path / "kept"
    kept.mkdir()
    done = asyncio.run(Rehearsal(scenario, Settings(home=tmp_path), Audience()).run(kept))
    assert (done.contained, done.verdict) == (True, Verdict.CONTAINED), done.sentence
    assert [step.verdict for step in done.steps if step.verdict] == [Verdict.CONTAINED, Verdict.CONTAINED]
    written = [path for path in (tmp_path / "kept").rglob("*") if path.is_file() and "emulator" not in path.parts]
    assert len(written) > 5
    assert any(b"credential.rotate" in path.read_bytes() for path in written if path.name.startswith("temporal.db"))
    for path in written:
        assert b"canary" not in path.read_bytes(), path
