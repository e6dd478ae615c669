"""npm: only the value can be tried; everything else a person does. See `firedoor/providers/npm.py`."""

from pydantic import SecretStr

from activities._http import Request
from activities.providers._by_hand import create, delete, enable, inventory, look, made, revoke, usage
from activities.providers._provider import Api, Reading
from activities.providers._reading import tried
from firedoor.steps._step import Credential

__all__ = ["create", "delete", "enable", "inventory", "look", "made", "revoke", "usage", "verify"]


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /-/whoami; 401 is dead."""
    headers = {"Authorization": f"Bearer {value.get_secret_value()}"}
    request = Request("GET", "/-/whoami", headers=headers, secrets=[value], statuses={401})
    return tried(api, request, dead={401})
