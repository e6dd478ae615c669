"""Braintrust's stores for the secrets of AI providers: `ai_secret` of the organization, `env_var` at any scope."""

from firedoor.providers._provider import Setting
from firedoor.providers.braintrust import UUID
from firedoor.sinks._store import Store

STORE = Store(
    scheme="braintrust",
    title="Braintrust",
    name_pattern=rf"ai_secret/[\w .-]{{1,200}}|env_var/(organization|project|function)/{UUID}/[\w .-]{{1,200}}",
    example="braintrust:ai_secret/OPENAI_API_KEY",
    options={"type": "whose secret it is, openai for one, where it does not exist yet"},
    settings={"api_key": Setting(description="An API key or service token that may change secrets", secret=True)},
    base_url="https://api.braintrust.dev",
    permissions=("GET, PUT and PATCH of /v1/ai_secret and /v1/env_var",),
    readable=False,
    swaps=False,
)
