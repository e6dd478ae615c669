"""Providers on loopback, for drills and tests: with state, authentication, limits, and replies that get lost."""

from firedoor.drill.fakes import anthropic, openai
from firedoor.drill.fakes._fake import Fake

FAKES: dict[str, type[Fake]] = {"anthropic": anthropic.FakeAnthropic, "openai": openai.FakeOpenAI}
