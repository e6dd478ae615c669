"""What somebody with a token may put into a call: refused with a sentence, and never a 500."""

import json

import pytest

from tests.server.test_api import Api, api  # noqa: F401

SURROGATE = "\ud800"


@pytest.mark.parametrize(
    "value",
    ['"\\ud800"', "NaN", "1e999", "1" + "0" * 400, "[" * 60 + "]" * 60, "null", "{}", '["\\ud800"]', '"\\u0000"', '"' + "x" * 300_000 + '"', '"\\u202e"', "true", "-0.0"],
)
async def test_values(api: Api, value: str) -> None:
    ada = {**api.token("ada", "user:ada"), "content-type": "application/json"}
    for path, body in (
        ("/incidents", f'{{"runbook": "shut", "inputs": {{"name": {value}}}}}'),
        ("/incidents", f'{{"runbook": "shut", "inputs": {{"name": "a", "\\ud800": {value}}}}}'),
        ("/incidents", f'{{"runbook": {value}}}'),
        ("/plans", f'{{"runbook": "shut", "timeout": 1, "inputs": {{"name": {value}}}}}'),
    ):
        answer = await api.client.post(f"/api/v1{path}", content=body, headers=ada)
        print(path, value[:20], answer.status_code, answer.text[:150])
        assert answer.status_code != 500
    started = await api.call("POST", "/incidents", ada, content='{"runbook": "shut", "inputs": {"name": "zz"}}')
    for verb in ("approve", "answer", "retry", "note", "extend", "handover", "skip"):
        for body in (
            f'{{"step": "gate", "reason": "x", "answers": {{"a": {value}}}, "arguments": {{"b": {value}}}, "digest": "x"}}',
            f'{{"step": {value}, "reason": "x"}}', f'{{"step": "gate", "reason": {value}}}',  f'{{"step": "gate", "reason": "x", "seconds": {value}}}', f'{{"step": "gate", "reason": "x", "person": {value}}}',
            f'{{"step": "gate", "reason": "x", "targets": [{value}]}}',
        ):
            answer = await api.client.post(f"/api/v1/incidents/{started['incident']}/{verb}", content=body, headers=ada)
            if answer.status_code >= 500: print(verb, body[:60], answer.status_code, answer.text[:150])
            assert answer.status_code != 500
