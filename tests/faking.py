"""Fakes of providers, whose every exchange is judged by the provider's official document when the test ends."""

from typing import TypeVar

from firedoor.drill.fakes._fake import Fake
from tests import openapi_discovery as discovery
from tests.openapi import SPECS, judge_discovered, judge_log
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
            if fake.name in discovery.documents():
                judge_discovered(fake.name, fake.log)
