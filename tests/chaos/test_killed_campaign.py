"""The founding drill while the bulk worker is killed in the middle of sending: nobody is told twice, nobody is lost."""

import os
import signal
from pathlib import Path

import pytest

from firedoor.campaign import MessageState
from firedoor.config import Settings
from firedoor.drill.ai_gateway_breached import AiGatewayBreached
from firedoor.drill.in_slack import InSlack
from firedoor.drill.mailbox import Mail
from firedoor.drill.rehearsal import Audience, drill
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.told_once import sent
from firedoor.outbox.store import Outbox

CUSTOMERS = 400
#: After so many mails each.
DEATHS = (60, 150, 260)
#: Connections of mail and lanes of Slack: what can be on its way at the moment of a kill.
OPEN = 10 + 8


class Murderous(AiGatewayBreached):
    """Somebody kills the bulk worker, each time in the middle of a message."""

    def __init__(self) -> None:
        super().__init__(CUSTOMERS)
        self.deaths = 0

    async def begin(self) -> None:
        """As ever; and the killer waits."""
        await super().begin()
        self.mail.mailbox.watchers.append(self._came)

    def _came(self, mail: Mail) -> None:
        """The server has the message, and the client does not know it yet."""
        pid = self.supervisor.pid("bulk worker")
        if self.deaths < len(DEATHS) and len(self.mail.mailbox) >= DEATHS[self.deaths] and pid is not None:
            self.deaths += 1
            os.kill(pid, signal.SIGKILL)


@pytest.mark.chaos
async def test_killed_in_the_middle_of_sending_nobody_is_told_twice(tmp_path: Path, emulator: Path) -> None:
    """Every message came at most once, what is called sent came, and in doubt is at most what was on its way."""
    scenario = Murderous()
    settings = Settings(home=tmp_path / "unused", emulator=str(emulator))
    with LocalSlack() as slack:
        result = await drill(scenario, settings, Audience(), tmp_path / "kept", InSlack(slack))
        with Outbox.open(tmp_path / "kept" / "data" / "outbox.sqlite") as outbox:
            told = sent(outbox, scenario.mail.mailbox, slack, scenario.clients)
    assert scenario.deaths == len(DEATHS)
    assert result.worker_restarts >= len(DEATHS)
    assert [*told.doubts()] == []
    assert max(told.came.values()) == 1
    in_doubt = told.of(MessageState.IN_DOUBT)
    assert len(in_doubt) <= OPEN * len(DEATHS)
    # Who is told nothing is either shown as in doubt, or as a task of a person.
    doubtful = {one.customer for one in in_doubt}
    untold = {one.partition(" ")[0] for one in result.proof.doubts if one.endswith(" was not told.")}
    assert untold <= doubtful
