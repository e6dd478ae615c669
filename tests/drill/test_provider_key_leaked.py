"""The drill of a leaked provider key: through a real Temporal server and worker, a fake OpenAI, an enforcing emulator."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from firedoor.config import Settings
from firedoor.drill.credentials_stage import CredentialsStage, User, bearer
from firedoor.drill.fakes.huggingface import FakeHuggingFace
from firedoor.drill.provider_key_leaked import ProviderKeyLeaked
from firedoor.drill.rehearsal import Audience, Rehearsal
from firedoor.drill.scenario import Reply
from firedoor.plan import Verdict
from tests.written import contents


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
    written = [*contents(kept, without="emulator")]
    for place in ("temporal.db: ", "timeline.sqlite: ", "incident.zip: "):
        assert any(b"credential.rotate" in text for name, text in written if place in name)
    for name, text in written:
        assert b"canary" not in text, name


class Pasted(CredentialsStage):
    """A token of Hugging Face, which knows tokens by their value only: the responder pastes what was found."""

    name = "provider-key-leaked"
    title = "A leaked Hugging Face token is used by a stranger"
    script: ClassVar[Mapping[str, Reply]] = {
        "intake": Reply("answer", "drill"),
        "kill_given": Reply("approve", "drill"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.huggingface = FakeHuggingFace()
        self.fakes = [self.huggingface]

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The token, and a place for what is pasted."""
        self.leaked = self.huggingface.plant_credential("user_access_token", "ci").value
        return {"incident/leaked": "nothing yet"}, {}

    def configuration(self) -> Mapping[str, Any]:
        """With what Temporal stores left readable, so that it can be searched."""
        return {**super().configuration(), "codec": False}

    def inputs(self) -> Mapping[str, str]:
        """What the person types who found it: not the value."""
        return {"provider": "huggingface", "name": "ci", "quarantine": "aws-sm:incident/leaked"}

    def pasted(self, step: str) -> Mapping[str, str]:
        """The leaked token, into a hidden prompt."""
        return {"leaked": self.leaked} if step == "intake" else {}

    def users(self) -> Iterable[User]:
        """The thief has the token."""
        url = f"{self.huggingface.url}/api/whoami-v2"
        yield User("the thief", lambda: (url, bearer(self.leaked)), 401)

    def said(self) -> str:
        """What was proved."""
        return "Hugging Face refuses the token."


def test_a_key_that_is_known_by_its_value_only(tmp_path: Path) -> None:
    """It is pasted, killed without a successor, and proved dead; its value is in no input, history or log."""
    kept = tmp_path / "kept"
    kept.mkdir()
    done = asyncio.run(Rehearsal(Pasted(), Settings(home=tmp_path), Audience()).run(kept))
    assert (done.contained, done.verdict) == (True, Verdict.CONTAINED), done.sentence
    verdicts = {step.id for step in done.steps if step.verdict is Verdict.CONTAINED}
    assert verdicts == {"kill_given", "still_dead_given"}
    for name, text in contents(kept, without="emulator"):
        assert b"canary" not in text, name
