"""What a provider's functions are given."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from activities._guard import MAY_CHANGE
from activities._http import Http
from activities.aws.accounts import Accounts
from activities.providers._provider import Api
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fake
from firedoor.providers import providers

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
