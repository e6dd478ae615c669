"""Fakes of providers, whose every exchange is judged by the provider's official document when the test ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar

import pytest
from pydantic import SecretStr

from activities._guard import MAY_CHANGE
from activities._http import Http
from activities.aws.accounts import Accounts
from activities.providers._provider import Api
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fake
from firedoor.providers import providers
from tests.openapi import SPECS, judge_log
from tests.shared import SHARED

FakeT = TypeVar("FakeT", bound=Fake)


class Fakes:
    """Starts fakes; see the fixture `fakes`."""

    def __init__(self) -> None:
        self._started: list[Fake] = []

    def __call__(self, fake: FakeT) -> FakeT:
        """Start a fake, and hand it back."""
        fake.start()
        self._started.append(fake)
        return fake

    def stop(self) -> None:
        """Stop them all."""
        for fake in self._started:
            fake.stop()

    def judge(self) -> None:
        """Judge what was recorded. Providers without an official document are not judged, nor without the folder."""
        for fake in self._started:
            if fake.name in SPECS and SHARED.is_dir():
                judge_log(fake.name, fake.log)


@pytest.fixture
def fakes() -> Iterator[Fakes]:
    """Starts fakes, as in `fakes(FakeOpenAI())`; when the test ends, all their exchanges must fit the document."""
    starting = Fakes()
    yield starting
    starting.stop()
    starting.judge()


Apis = Callable[..., Api]


@pytest.fixture
def apis(home_settings: Settings) -> Iterator[Apis]:
    """What a provider's functions are given, as in `apis(fake, admin_key=fake.admin)`: secrets are their references."""
    with ExitStack() as stack:

        def api(fake: Fake, **settings: str) -> Api:
            provider = providers()[fake.name]
            http = Http(provider.name, provider.title, fake.url)
            stack.callback(http.close)
            return Api(provider, http, settings, SecretStr, Accounts(home_settings.aws))

        yield api


@pytest.fixture
def changing() -> Iterator[None]:
    """Changes may be sent, as while a step is performed."""
    token = MAY_CHANGE.set(True)
    yield
    MAY_CHANGE.reset(token)
