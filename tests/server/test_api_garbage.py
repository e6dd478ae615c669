"""Whatever somebody with a token sends to the API: an answer of ours, and never a 500."""

import json
import secrets
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.server.api.app import document
from tests.server.test_api import Api, api

__all__ = ["api"]

#: Every call with a body, but for plans: those are read by a worker.
CALLS = sorted(path for path, calls in document()["paths"].items() if "post" in calls and not path.endswith("/plans"))
FIELDS = sorted(name for one in document()["components"]["schemas"].values() for name in one.get("properties", {}))
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call=st.sampled_from(CALLS),
    names=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?#"), min_size=1, max_size=12),
    body=st.binary(max_size=200) | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4) | VALUES,
    kind=st.sampled_from(KINDS),
)
async def test_garbage(api: Api, call: str, names: str, body: Any, kind: str) -> None:
    """Names of nothing, bodies of every kind: refused with a sentence, or done."""
    headers = api.token(secrets.token_hex(8), "user:ada") | {"content-type": kind}
    path = "/".join(quote(names, safe="") if part.startswith("{") else part for part in call.split("/"))
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await api.client.post(path, content=content, headers=headers, params={"source": "guardduty"})
    assert answer.status_code != 500, answer.text
