"""Providers on loopback, for drills and tests: with state, authentication, limits, and replies that get lost."""

from firedoor.drill.fakes._fake import Fake
from firedoor.drill.fakes.anthropic import FakeAnthropic
from firedoor.drill.fakes.azure_openai import FakeAzureOpenAI
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.drill.fakes.cloudflare import FakeCloudflare
from firedoor.drill.fakes.cohere import FakeCohere
from firedoor.drill.fakes.datadog import FakeDatadog
from firedoor.drill.fakes.github import FakeGitHub
from firedoor.drill.fakes.gitlab import FakeGitLab
from firedoor.drill.fakes.google import FakeGoogle
from firedoor.drill.fakes.groq import FakeGroq
from firedoor.drill.fakes.huggingface import FakeHuggingFace
from firedoor.drill.fakes.mistral import FakeMistral
from firedoor.drill.fakes.npm import FakeNpm
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.fakes.openrouter import FakeOpenRouter
from firedoor.drill.fakes.pagerduty import FakePagerDuty
from firedoor.drill.fakes.scaleai import FakeScaleAI
from firedoor.drill.fakes.sendgrid import FakeSendGrid
from firedoor.drill.fakes.slack import FakeSlack
from firedoor.drill.fakes.stripe import FakeStripe
from firedoor.drill.fakes.together import FakeTogether
from firedoor.drill.fakes.twilio import FakeTwilio

FAKES: dict[str, type[Fake]] = {
    "anthropic": FakeAnthropic,
    "azure_openai": FakeAzureOpenAI,
    "braintrust": FakeBraintrust,
    "cloudflare": FakeCloudflare,
    "cohere": FakeCohere,
    "datadog": FakeDatadog,
    "github": FakeGitHub,
    "gitlab": FakeGitLab,
    "google": FakeGoogle,
    "groq": FakeGroq,
    "huggingface": FakeHuggingFace,
    "mistral": FakeMistral,
    "npm": FakeNpm,
    "openai": FakeOpenAI,
    "openrouter": FakeOpenRouter,
    "pagerduty": FakePagerDuty,
    "scaleai": FakeScaleAI,
    "sendgrid": FakeSendGrid,
    "slack": FakeSlack,
    "stripe": FakeStripe,
    "together": FakeTogether,
    "twilio": FakeTwilio,
}
