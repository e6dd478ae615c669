"""The worker's process is killed at each call of a rotation to its provider, by the provider: SIGKILL, no goodbye."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firedoor.config import Settings
from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.provider_key_leaked import ProviderKeyLeaked
from firedoor.drill.rehearsal import Audience, Rehearsal
from firedoor.plan import Plan
from firedoor.supervisor import Supervisor
from tests.written import contents

#: A death is noticed by its missing heartbeat, and the pauses between attempts grow: minutes in all.
LIMIT = 900.0


class Murderous(ProviderKeyLeaked):
    """Each life of the worker ends one call later than the one before: before that call does anything, or after."""

    def __init__(self, patching: pytest.MonkeyPatch, *, after: bool) -> None:
        self._patching, self.after = patching, after
        self.deaths = 0
        self.calls = 0

    def configuration(self) -> Mapping[str, Any]:
        """With what Temporal stores left readable, so that it can be searched."""
        return {**super().configuration(), "codec": False}

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """As ever; then the provider begins to kill."""
        await super().set_up(supervisor, settings, folder, plan)
        answer = self.openai.answer

        def deadly(asked: Asked) -> Said:
            if not self._ends(supervisor, asked):
                return answer(asked)
            if self.after:
                answer(asked)
            self._kill(supervisor)
            return Said(503)

        self._patching.setattr(self.openai, "answer", deadly)

    def _ends(self, supervisor: Supervisor, asked: Asked) -> bool:
        if not asked.headers.get("user-agent", "").startswith("firedoor"):
            return False
        self.calls += 1
        return self.calls > self.deaths and supervisor.pid("worker") is not None

    def _kill(self, supervisor: Supervisor) -> None:
        self.deaths, self.calls = self.deaths + 1, 0
        pid = supervisor.pid("worker")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


@pytest.mark.chaos
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_each_call_there_is_one_new_key_and_no_value_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """OpenAI has one key, which the secret holds; the stolen one is refused; what is written holds no value."""
    scenario = Murderous(monkeypatch, after=after)
    scenario.limit = LIMIT
    kept = tmp_path / "kept"
    kept.mkdir()
    done = await Rehearsal(scenario, Settings(home=tmp_path), Audience()).run(kept)
    assert done.contained, done.sentence
    assert scenario.deaths > 5
    assert len(scenario.openai.accounts) == len(scenario.openai.keys) == 1
    for name, text in contents(kept, without="emulator"):
        assert b"canary" not in text, name
