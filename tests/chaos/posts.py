"""Who takes the messages of a campaign: mail and Slack, and, by a network that fails, Amazon SES and webhooks."""

import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

from firedoor.customers.model import Contact, Role
from firedoor.drill.fakes._fake import Asked, Fake, Fault, Said
from firedoor.drill.mail import MailServer
from firedoor.drill.ses import FakeSes
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import BOT, INCIDENTS, TEAM
from firedoor.supervisor import Supervisor
from tests.chaos.network import Proxy, start_proxy

#: Mail connections; together with the lanes of Slack what can be on its way at the moment of a kill.
CONNECTIONS = 4
#: Messages that one call of SES carries, and calls of webhooks at a time.
PER_CALL, LANES = 3, 10
#: Seconds that a message takes: what goes wrong then goes wrong in the middle of a wave.
STALL = 0.3
#: Seconds after which a call by the network that fails is given up; longer than microburst takes when it has just begun.
PATIENCE = 20
SECRETS = {"FIREDOOR_SECRET_SLACK_BOT": "bot_token", "FIREDOOR_SECRET_SLACK_APP": "app_token"}
MAIL: Mapping[str, object] = {
    "sender": "Beacon <security@beacon.example>",
    "connections": CONNECTIONS,
    "domain_rate": 0,
}


class Post(Protocol):
    """Who takes messages. `watchers` are called when one has come, before its sender is told so."""

    channels: tuple[str, ...]
    #: Messages that are in doubt together at most: those of one call; all that are on their way at a kill or a cut.
    per_call: int
    at_once: int
    watchers: list[Callable[[], None]]

    def contact(self, number: int) -> Contact:
        """How a customer is reached."""
        ...

    def settings(self) -> Mapping[str, Mapping[str, object]]:
        """The tables of `firedoor.toml` that lead here."""
        ...

    def environment(self) -> Mapping[str, str]:
        """What the worker and the server find in their environment."""
        ...

    def arrived(self) -> int:
        """How many have come; of mail and Slack, by mail."""
        ...

    def keys(self) -> list[str]:
        """The keys of all messages that have come."""
        ...


def _contact(channel: str, address: str) -> Contact:
    return Contact.model_validate({"role": Role.SECURITY, "channel": channel, "address": address})


class Letters:
    """A mail server, and for every third customer a fake Slack."""

    channels: tuple[str, ...] = ("slack", "email")
    per_call, at_once = 1, CONNECTIONS

    def __init__(self, mail: MailServer, slack: LocalSlack) -> None:
        self.mail, self.slack = mail, slack
        self.watchers = list[Callable[[], None]]()
        self._channels = list[str]()
        mail.faults.stall = STALL
        mail.mailbox.watchers.append(lambda _: _tell(self.watchers))

    def contact(self, number: int) -> Contact:
        """A mail address, or a channel that is there."""
        if number % 3 != 2:
            return _contact("email", f"security{number}@customer{number}.example")
        address = f"C0CHAOS{number:03}"
        with self.slack.workspace.lock:
            self.slack.workspace.add_channel(f"ext-{number}", (BOT,), id=address)
        self._channels.append(address)
        return _contact("slack", address)

    def settings(self) -> Mapping[str, Mapping[str, object]]:
        """Both."""
        slack = {
            "bot_token": "env:FIREDOOR_SECRET_SLACK_BOT",
            "app_token": "env:FIREDOOR_SECRET_SLACK_APP",
            "team": TEAM,
            "channel": INCIDENTS,
            "base_url": self.slack.base_url,
            "pace": 0.05,
        }
        return {"mail": {**self.mail.settings(), **MAIL}, "slack": slack}

    def environment(self) -> Mapping[str, str]:
        """Slack's tokens."""
        return {variable: getattr(self.slack.workspace, token) for variable, token in SECRETS.items()}

    def arrived(self) -> int:
        """Mails."""
        return len(self.mail.mailbox)

    def keys(self) -> list[str]:
        """Of mails, and of what was posted."""
        keys = [mail.parts["Message-ID"].strip()[1:].partition("@")[0] for mail in self.mail.mailbox.mails()]
        with self.slack.workspace.lock:
            for address in self._channels:
                posted = self.slack.workspace.messages(address)
                payloads = ((message.metadata or {}).get("event_payload") or {} for message in posted)
                keys += [str(payload.get("key", "")) for payload in payloads]
        return keys


class Amazon:
    """SES, which tells of no events: what is in doubt stays so."""

    channels: tuple[str, ...] = ("email",)
    per_call, at_once = PER_CALL, PER_CALL * CONNECTIONS

    def __init__(self, ses: "SlowSes", network: Proxy) -> None:
        self.network, self.watchers = network, ses.watchers
        self._ses = ses

    def contact(self, number: int) -> Contact:
        """A mail address."""
        return _contact("email", f"security{number}@customer{number}.example")

    def settings(self) -> Mapping[str, Mapping[str, object]]:
        """SES by the network."""
        ses = {"region": "us-east-1", "per_call": PER_CALL, "base_url": self.network.url}
        return {"mail": {"transport": "ses", "timeout": PATIENCE, **MAIL}, "mail.ses": ses}

    def environment(self) -> Mapping[str, str]:
        """Credentials; nothing of this machine's."""
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return {"AWS_ACCESS_KEY_ID": "canary", "AWS_SECRET_ACCESS_KEY": "canary", **nowhere}

    def arrived(self) -> int:
        """Messages."""
        return len(self._ses.mails)

    def keys(self) -> list[str]:
        """As the tag of each says."""
        with self._ses.lock:
            return [mail.tags["firedoor"] for mail in self._ses.mails]


class Webhooks:
    """One server with an address for each customer."""

    channels: tuple[str, ...] = ("webhook",)
    per_call, at_once = 1, LANES

    def __init__(self, hooks: "Hooks", network: Proxy) -> None:
        self.network, self.watchers = network, hooks.watchers
        self._hooks = hooks

    def contact(self, number: int) -> Contact:
        """An address of the network."""
        return _contact("webhook", f"{self.network.url}/hook/{number}")

    def settings(self) -> Mapping[str, Mapping[str, object]]:
        """Loopback may be called."""
        return {"webhooks": {"networks": ["127.0.0.0/8"], "timeout": PATIENCE}}

    def environment(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def lose(self, times: int) -> None:
        """Take the next calls, and answer none of them: the network says 502."""
        with self._hooks.lock:
            self._hooks.faults.append(Fault("POST", "/hook/.*", times=times, lose_reply=True))

    def arrived(self) -> int:
        """Calls."""
        return len(self._hooks.came)

    def keys(self) -> list[str]:
        """Their `webhook-id`."""
        with self._hooks.lock:
            return list(self._hooks.came)


class SlowSes(FakeSes):
    """SES, which takes its time for a call."""

    def __init__(self) -> None:
        super().__init__(verified={"beacon.example"})
        self.watchers = list[Callable[[], None]]()

    def serve(self, asked: Asked) -> tuple[Said, bool]:
        """Take it, tell, and answer later."""
        answer = super().serve(asked)
        if asked.method == "POST":
            _tell(self.watchers)
            time.sleep(STALL)
        return answer


class Hooks(Fake):
    """A server of webhooks, which takes its time for a call. `came` are their ids."""

    name = "webhooks"

    def __init__(self) -> None:
        super().__init__()
        self.came = list[str]()
        self.watchers = list[Callable[[], None]]()
        self.route("POST", "/hook/{customer}", self._take)

    def _take(self, asked: Asked) -> Said:
        self.came.append(asked.headers["webhook-id"])
        return Said(data={"taken": asked.ids["customer"]})

    def serve(self, asked: Asked) -> tuple[Said, bool]:
        """Take it, tell, and answer later."""
        answer = super().serve(asked)
        if asked.method == "POST":
            _tell(self.watchers)
            time.sleep(STALL)
        return answer


def _tell(watchers: list[Callable[[], None]]) -> None:
    for watcher in watchers:
        watcher()


#: Opens one: in a folder; programs are kept by the supervisor; the last is microburst.
Opening = Callable[[Path, Supervisor, Path], AbstractAsyncContextManager[Post]]


@asynccontextmanager
async def letters(home: Path, supervisor: Supervisor, microburst: Path) -> AsyncGenerator[Post]:
    """Mail and Slack, right here."""
    (home / "mail").mkdir()
    with ExitStack() as stack:
        slack = stack.enter_context(LocalSlack())
        yield Letters(stack.enter_context(MailServer(home / "mail", plain=True)), slack)


@asynccontextmanager
async def amazon(home: Path, supervisor: Supervisor, microburst: Path) -> AsyncGenerator[Post]:
    """SES, by the network."""
    with SlowSes() as ses:
        yield Amazon(ses, await start_proxy(supervisor, microburst, ses.url, home, restarts=None))


@asynccontextmanager
async def webhooks(home: Path, supervisor: Supervisor, microburst: Path) -> AsyncGenerator[Post]:
    """Webhooks, by the network."""
    with Hooks() as hooks:
        yield Webhooks(hooks, await start_proxy(supervisor, microburst, hooks.url, home, restarts=None))
