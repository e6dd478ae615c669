"""Groq: API keys, which only the console manages.

Source: groq-python (read 2026-11): no key management.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="groq",
    title="Groq",
    base_url="https://api.groq.com",
    docs="https://console.groq.com/docs/api-reference",
    kinds=(
        by_console(
            "api_key",
            "API key",
            ByApi(call="GET /openai/v1/models"),
            page="Console → API Keys",
            link="https://console.groq.com/keys",
        ),
    ),
)
