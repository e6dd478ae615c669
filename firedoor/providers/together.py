"""Together AI: API keys, which only the settings page manages.

Source: togethercomputer/openapi (read 2026-11): 74 paths, none for keys.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="together",
    title="Together AI",
    base_url="https://api.together.ai",
    docs="https://docs.together.ai/reference",
    kinds=(
        by_console(
            "api_key",
            "API key",
            ByApi(call="GET /v1/models"),
            page="Settings → API keys",
            link="https://api.together.ai/settings/api-keys",
        ),
    ),
)
