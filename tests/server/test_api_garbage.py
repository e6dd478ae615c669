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

#: Every call, but for plans: those are read by a worker.
CALLS = sorted(
    (method, path) for path, calls in document()["paths"].items() for method in calls if not path.endswith("/plans")
)
QUERIES = sorted(
    {
        one["name"]
        for calls in document()["paths"].values()
        for call in calls.values()
        for one in call.get("parameters", ())
        if one["in"] == "query"
    }
)
FIELDS = sorted(name for one in document()["components"]["schemas"].values() for name in one.get("properties", {}))
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call=st.sampled_from(CALLS),
    query=st.dictionaries(st.sampled_from(QUERIES), st.text() | st.integers().map(str), max_size=2),
    names=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?#"), min_size=1, max_size=12),
    body=st.binary(max_size=200) | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4) | VALUES,
    kind=st.sampled_from(KINDS),
)
async def test_garbage(
    api: Api, call: tuple[str, str], query: dict[str, str], names: str, body: Any, kind: str
) -> None:
    """Names of nothing, queries and bodies of every kind: refused with a sentence, or done."""
    method, path = call
    headers = api.token(secrets.token_hex(8), "user:ada") | {"content-type": kind}
    path = "/".join(quote(names, safe="") if part.startswith("{") else part for part in path.split("/"))
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    params = {"source": "guardduty"} | query
    answer = await api.client.request(method, path, content=content, headers=headers, params=params)
    assert answer.status_code != 500, answer.text
