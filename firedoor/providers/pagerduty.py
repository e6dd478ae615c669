"""PagerDuty: REST API keys, which only an admin manages.

Source: PagerDuty/api-schema `reference/REST` (2026-08-14): no endpoints for keys.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="pagerduty",
    title="PagerDuty",
    base_url="https://api.pagerduty.com",
    docs="https://developer.pagerduty.com/docs/authentication",
    kinds=(
        by_console(
            "api_key",
            "REST API key",
            ByApi(call="GET /abilities"),
            page="Integrations → API Access Keys",
            link="https://support.pagerduty.com/main/docs/api-access-keys",
        ),
    ),
)
