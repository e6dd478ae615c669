"""Scale AI: API keys, which only a manager or admin sees at the dashboard.

Source: scale.com/docs/api-reference/authentication (read 2026-11): HTTP Basic, the key as user name, no password.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="scaleai",
    title="Scale AI",
    base_url="https://api.scale.com",
    docs="https://scale.com/docs/api-reference/authentication",
    kinds=(
        by_console(
            "api_key",
            "API key",
            ByApi(call="GET /v1/tasks?limit=1", note="HTTP Basic, the key as user name"),
            page="Settings → API keys, as manager or admin",
            link="https://dashboard.scale.com/settings/profile",
        ),
    ),
)
