"""npm: granular access tokens. Creating one takes a password and a second factor, so a person does it.

Which registry they are for stands in the settings: `[providers.npm] base_url`.

Source: npm/npm-profile `lib/index.js` and docs.npmjs.com (read 2026-11).
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Provider

PROVIDER = Provider(
    name="npm",
    title="npm",
    docs="https://docs.npmjs.com/about-access-tokens",
    kinds=(
        by_console(
            "access_token",
            "granular access token",
            ByApi(call="GET /-/whoami"),
            page="Access Tokens, in the settings of the account",
            link="https://www.npmjs.com/settings/~/tokens",
        ),
    ),
)
