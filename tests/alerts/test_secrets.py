"""Secrets are taken out of whatever comes, public ids stay, and none of it takes long."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.alerts._secrets import fingerprint, scrubbed
from firedoor.alerts._shapes import shapes
from tests.alerts.scanners import AWS_SECRET, KEY_ID
from tests.shared import SHARED, needs_shared

PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIcanary+canary/0123=\n-----END RSA PRIVATE KEY-----"
#: Each is recognised wherever it stands.
SHAPED = (
    "sk-proj-canary_canary-canary0123456789",
    "sk-svcacct-canarycanarycanary0123456789",
    "sk-admin-canarycanarycanary0123456789",
    "sk-ant-api03-canary_canary-canary0123456789",
    "sk-or-v1-canarycanarycanarycanary0123456789ab",
    "sk-canaryCANARYcanaryCANARY0123456789canary",
    "ghp_canaryCANARY0123456789canary012345",
    "ghs_canaryCANARY0123456789canary012345.canary012345.canary012345",
    "github_pat_canaryCANARY0123456789_canary012345",
    "glpat-canary-CANARY0123456789",
    "gldt-canary-CANARY0123456789",
    "hf_canaryCANARYcanaryCANARY0123456789",
    "gsk_canaryCANARYcanaryCANARY0123456789",
    "xoxb-0123456789-canaryCANARYcanary",
    "xapp-1-A0123456789-canaryCANARYcanary",
    "sk_live_canaryCANARY0123456789",
    "rk_test_canaryCANARY0123456789",
    "whsec_canaryCANARY0123456789canary",
    "npm_canaryCANARYcanaryCANARY0123456789ab",
    "SG.canaryCANARY01.canaryCANARYcanaryCANARY0123456789",
    "AIzaCanaryCANARYcanaryCANARY0123456789a",
    "ya29.canaryCANARYcanaryCANARY0123456789",
    "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",
    "hvs.canaryCANARYcanaryCANARY0123456789",
    "dp.pt.canaryCANARYcanaryCANARY0123456789canary",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canaryCANARYcanary",
    PEM,
)
#: What stays of a text is what stands here before the arrow.
NAMED = {
    "password=canary-hunter2 and more": "password=[removed] and more",
    "Passwd: 'canary-hunter2'": "Passwd: '[removed]'",
    "https://api.example.com/v1?api_key=canary-0123&x=1": "https://api.example.com/v1?api_key=[removed]&x=1",
    "https://api.example.com/v1?token=canary-0123#x": "https://api.example.com/v1?token=[removed]#x",
    "https://ada:canary-hunter2@db.example.com/x": "https://ada:[removed]@db.example.com/x",
    "Authorization: Bearer canary.CANARY-0123456789": "Authorization: Bearer [removed]",
    "Authorization: token canary-0123456789": "Authorization: token [removed]",
    "sent with bearer canaryCANARY0123456789": "sent with bearer [removed]",
    "curl -H 'Authorization: Basic Y2FuYXJ5OmNhbmFyeQ=='": "curl -H 'Authorization: Basic [removed]'",
    '{"secret": "canary-hunter2", ': '{"secret": "[removed]", ',
    "aws_secret_access_key = canary/0123456789": "aws_secret_access_key = [removed]",
    "X-Amz-Security-Token=canaryCANARY0123%2F&X-Amz-Date=1": "X-Amz-Security-Token=[removed]&X-Amz-Date=1",
}
#: Nothing here is a secret.
PUBLIC = (
    KEY_ID,
    "ASIAIOSFODNN7EXAMPLE",
    "AIDACKCEVSQ6C2EXAMPLE",
    f"aws_access_key_id = {KEY_ID}",
    f"api_key: {KEY_ID}",
    "sha256:0123456789abcdef",
    "password: sha256:0123456789abcdef",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "0b6d3f1e-7a52-4c8e-9f10-2d3c4b5a6978",
    "sk-proj-…1234",
    "sk-...wXyZ",
    "key_0123456789abcdefghij",
    "apikey_01ABCdefGHIjklMNOpqr",
    "SK0123456789abcdef0123456789abcdef",
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
    "arn:aws:iam::111122223333:user/deploy",
    "arn:aws:sns:eu-west-1:111122223333:canary",
    "Ask the team for a task-force of people-with-secrets: a bearer of news",
    "https://github.com/example/gateway/blob/main/deploy/values.yaml#L4",
    "2026-11-29T11:58:00Z",
    "[removed]",
    "",
)


@pytest.mark.parametrize("secret", SHAPED)
def test_what_has_a_shape(secret: str) -> None:
    """Becomes its fingerprint, in a text, as a value, as a name, and in JSON within JSON."""
    sign = fingerprint(secret)
    assert scrubbed(f"found {secret}, twice: {secret}") == f"found {sign}, twice: {sign}"
    assert scrubbed({"a": [{"b": secret}], secret: 1}) == {"a": [{"b": sign}], sign: 1}
    inside = json.dumps({"Message": json.dumps({"detail": {"text": f"it is {secret}"}})})
    assert json.loads(json.loads(scrubbed(inside.encode()))["Message"]) == {"detail": {"text": f"it is {sign}"}}
    escaped = "".join(f"\\u{ord(character):04x}" for character in secret)
    assert json.loads(scrubbed(f'{{"a": "{escaped}"}}'.encode())) == {"a": sign}


@pytest.mark.parametrize(("text", "clean"), NAMED.items())
def test_what_its_surroundings_give_away(text: str, clean: str) -> None:
    """A value after a name, in a header, in an address."""
    assert scrubbed(text) == clean
    assert scrubbed([text]) == [clean]
    assert scrubbed(text.encode()) == clean.encode()


@pytest.mark.parametrize("name", ["password", "secretAccessKey", "SECRET_ACCESS_KEY", "x-api-key", "Token", "secret"])
def test_what_is_named_so(name: str) -> None:
    """A secret by its name, whatever it looks like; but for public ids, fingerprints, and what holds no text."""
    assert scrubbed({name: "canary-hunter2"}) == {name: "[removed]"}
    for value in (KEY_ID, "sha256:0123456789abcdef", "", "short", 5, None, {"a": 1}, ["canary"]):
        assert scrubbed({name: value}) == {name: value}
    assert scrubbed({f"{name}_type": "openai_api_key"}) == {f"{name}_type": "openai_api_key"}


def test_the_other_half_of_a_key() -> None:
    """Forty characters are the secret of the key whose id is near; a hash of a commit is not."""
    sign, commit = fingerprint(AWS_SECRET), "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert scrubbed(f"{KEY_ID}:{AWS_SECRET}") == f"{KEY_ID}:{sign}"
    assert scrubbed({"id": KEY_ID, "half": AWS_SECRET, "commit": commit}) == {
        "id": KEY_ID,
        "half": sign,
        "commit": commit,
    }
    assert scrubbed([KEY_ID, [f"is {AWS_SECRET}."]]) == [KEY_ID, [f"is {sign}."]]
    assert scrubbed({"path": AWS_SECRET}) == {"path": AWS_SECRET}


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public(text: str) -> None:
    """Stays as it is, and a body in which all is public stays the same to the byte."""
    assert scrubbed(text) == text
    body = json.dumps({"a": [text, 1, None, True, 1.5], "b": {"c": text}}, indent=1).encode()
    assert scrubbed(body) == body
    assert scrubbed(text.encode()) == text.encode()


def test_a_private_key_that_is_cut_off() -> None:
    """As TruffleHog shows it: everything up to the next quote or line of dashes may belong to it."""
    assert scrubbed(PEM[:60]) == fingerprint(PEM[:60])
    assert "MII" not in scrubbed(f"key: {PEM[:60]}, and so on")
    assert scrubbed(f'{{"a": "{PEM[:20]}", "b": 1}} {PEM[:62]}", "b": 1').endswith('", "b": 1')


def test_a_name_that_stands_there_twice() -> None:
    """The first value is nothing to whoever reads the JSON, and still in the file."""
    assert scrubbed(b'{"password": "canary-hunter2", "password": "x"}') == b'{"password":"x"}'


def test_lines_of_json() -> None:
    """Each is read by itself; a line that is none does not keep the others from being clean."""
    body = b'{"password": "canary-1"}\nnot json\n{"Token":"\\u0063anary-2"}\n'
    assert scrubbed(body) == b'{"password":"[removed]"}\nnot json\n{"Token":"[removed]"}\n'


def test_what_is_no_text_at_all() -> None:
    """Bytes stay what they are, around a secret."""
    assert scrubbed(b"\xff\xfe password=canary-1 \x00") == b"\xff\xfe password=[removed] \x00"
    assert scrubbed(PEM.encode() + b"\nmore") == f"{fingerprint(PEM)}\nmore".encode()


def test_depth() -> None:
    """A body that is nested deeper than any may be is taken as a text; a value of this kind is nobody's."""
    deep = b'{"a":' * 100 + b'"password=canary-1"' + b"}" * 100
    assert b"canary" not in scrubbed(deep)
    assert b"canary" not in scrubbed(b"[" * 100_000 + b"password=canary-1")
    with pytest.raises(RecursionError):
        scrubbed(json.loads(deep))


#: What of the payloads that others recorded is a secret: tokens, or what stands where one does.
TELLING = {
    "aws_sns/notification.json",
    "aws_sns/subscription_confirmation.json",
    "datadog/recovered_request.json",
    "slack/block_actions.json",
}


@needs_shared
def test_what_others_recorded() -> None:
    """Real payloads stay as they are, to the byte, but for those that hold something of the kind."""
    files = sorted((SHARED / "payloads").glob("*/*"))
    changed = {f"{one.parent.name}/{one.name}" for one in files if scrubbed(one.read_bytes()) != one.read_bytes()}
    assert len(files) > len(TELLING)
    assert changed == TELLING


PIECES = st.sampled_from(
    [*SHAPED, *NAMED, *PUBLIC, AWS_SECRET, "password", "secret", '"', "\\", "=", ":", "\n", " ", "@"]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=5).map("".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(value=VALUES)
def test_clean_stays_clean(value: Any) -> None:
    """To take secrets out twice is to take them out once, whatever was put together."""
    once = scrubbed(value)
    assert scrubbed(once) == once
    body = scrubbed(json.dumps(value).encode())
    assert scrubbed(body) == body


@given(
    secrets=st.lists(st.sampled_from(SHAPED), max_size=5), between=st.sampled_from([" ", "\n", ", ", "\"'", "=", "é"])
)
def test_none_is_left(secrets: list[str], between: str) -> None:
    """However many stand side by side."""
    text = between.join(secrets)
    assert not [secret for secret in SHAPED if secret in scrubbed(text)]
    assert not [secret for secret in SHAPED if secret in json.loads(scrubbed(json.dumps([text]).encode()))[0]]


@given(body=st.binary(max_size=200) | TEXTS.map(str.encode))
def test_any_bytes(body: bytes) -> None:
    """Nothing breaks it."""
    assert scrubbed(scrubbed(body)) == scrubbed(body)


LENGTH, MOST_SECONDS = 200_000, 3.0
HARD = (
    "\n",
    '["a"]","',
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n-a",
    "eyJ",
    "eyJaaaaaaaaa.",
    "://",
    "://a:b",
    "password:   ",
    "secret_access_key ",
    "bearer ",
    "AKIA",
    f"{KEY_ID} ",
    "SG.aaaaaaaaaa.",
    "?key=",
    '"SecretParts":{',
    '"Raw":"\\',
    "sk-",
    "a",
    "=",
    "{",
    "[1,",
    '{"a":"',
)


@pytest.mark.parametrize("piece", HARD)
def test_no_text_takes_long(piece: str) -> None:
    """Seconds at most: what goes back over what it has read would take hours for as much."""
    shapes()
    body = (piece * (LENGTH // len(piece) + 1))[:LENGTH].encode()
    begun = time.process_time()
    scrubbed(body)
    scrubbed(json.dumps({"a": body.decode()}).encode())
    assert time.process_time() - begun < MOST_SECONDS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings(encoding: str) -> None:
    """What `json` reads is searched as it reads it, line by line as well; what only begins so is searched as it is."""
    value = "xoxb-0123456789-canaryCANARY"
    for text in (f'{{"a": "{value}"}}', f'{{"Raw": 1}}\n{{"a": "\\u0078{value[1:]}"}}\n', f"leaked: {value}"):
        clean = scrubbed(text.encode(encoding)).decode(encoding)
        assert "canary" not in clean
        assert fingerprint(value) in clean
    assert scrubbed('{"a": 1}'.encode(encoding)) == '{"a": 1}'.encode(encoding)
    assert b"canary" not in scrubbed(b"\xff\xfe" + value.encode())
