"""Cohere: API keys, which only the dashboard manages.

Source: cohere-ai/cohere-developer-experience, the OpenAPI document (read 2026-11): POST /v1/check-api-key.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="cohere",
    title="Cohere",
    base_url="https://api.cohere.com",
    docs="https://docs.cohere.com/reference/checkapikey",
    kinds=(
        by_console(
            "api_key",
            "API key",
            ByApi(call="POST /v1/check-api-key", note="changes nothing; `valid: false` with status 200 is dead"),
            page="Dashboard → API keys",
            link="https://dashboard.cohere.com/api-keys",
        ),
    ),
)
