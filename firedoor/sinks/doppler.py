"""Doppler."""

from firedoor.providers._provider import Setting
from firedoor.sinks._store import Store

STORE = Store(
    scheme="doppler",
    title="Doppler",
    name_pattern=r"[\w-]{1,100}/[\w-]{1,100}/[A-Z][A-Z0-9_]{0,190}",
    example="doppler:gateway/prd/OPENAI_API_KEY",
    settings={
        "token": Setting(description="A service token or service account token that may read and write", secret=True)
    },
    base_url="https://api.doppler.com",
    permissions=("read and write the secrets of the config",),
    reading=("read the secrets of the config",),
    rate=3,
    burst=10,
)
