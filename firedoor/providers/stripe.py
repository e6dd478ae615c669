"""Stripe: secret and restricted keys, which the dashboard rolls and expires.

Source: docs.stripe.com/keys (read 2026-11). The API for keys is a private preview for apps, and is not used.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="stripe",
    title="Stripe",
    base_url="https://api.stripe.com",
    docs="https://docs.stripe.com/keys",
    kinds=(
        by_console(
            "secret_key",
            "secret or restricted key",
            ByApi(call="GET /v1/balance", note="403: it works and may not do this"),
            page="Developers → API keys, where a key is rolled or expired",
            link="https://dashboard.stripe.com/apikeys",
        ),
    ),
)
