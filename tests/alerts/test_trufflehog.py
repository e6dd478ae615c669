"""What TruffleHog prints: results with living secrets in them, none of which may leave the parser."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.alerts import Parsed, trufflehog
from firedoor.alerts._secrets import fingerprint, scrubbed
from firedoor.errors import UsageError
from firedoor.providers import providers
from tests.alerts.messages import changed, only, parsed, shows_a_secret, wrong
from tests.alerts.scanners import (
    AWS_SECRET,
    CANARIES,
    GITHUB_TOKEN,
    KEY_ID,
    TRUFFLEHOG_AWS,
    TRUFFLEHOG_GITHUB,
)

SERVICE_ACCOUNT = "deploy@example-project.iam.gserviceaccount.com"
LOG = {"level": "info-0", "ts": "2026-11-29T11:58:00Z", "logger": "trufflehog", "msg": "finished scanning"}


def lines(*results: Any) -> bytes:
    """As the command writes them."""
    return b"\n".join(json.dumps(one).encode() for one in results) + b"\n"


def told(found: Parsed) -> str:
    """Everything that leaves the parser, as text."""
    assert found.kept is not None
    dumped = "".join(alert.model_dump_json() + repr(alert) for alert in found.alerts)
    return f"{found.kept.decode()}{dumped}{found.key}{found.note}{found.confirm}"


def test_it_signs_nothing() -> None:
    """Whoever posts it shows a secret."""
    shows_a_secret("trufflehog")


def test_a_key_of_aws() -> None:
    """The id is public: it tells which key; account and user come from the check whether it works."""
    alert = only("trufflehog", TRUFFLEHOG_AWS)
    both = fingerprint(f"{KEY_ID}:{AWS_SECRET}")
    assert (alert.id, alert.type, alert.provider) == (f"AWS/{both}", "AWS", "aws")
    assert (alert.credential, alert.access_key_id, alert.account) == (KEY_ID, KEY_ID, "111122223333")
    assert (alert.user_name, alert.principal_id) == ("deploy", "AIDACKCEVSQ6C2EXAMPLE")
    assert (alert.severity, alert.resource, alert.title) == (9.0, "example/gateway", "AWS secret in example/gateway")
    assert alert.url == "https://github.com/example/gateway/blob/fbc14303/deploy/keys#L4"
    assert alert.labels == {
        "repository": "example/gateway",
        "file": "deploy/keys",
        "line": "4",
        "commit": "fbc14303ffbf8fb1c2c1914e8dda7d0121633aca",
        "timestamp": "2026-11-20 17:11:51 +0000",
        "secret_type": "AWS",
        "validity": "active",
        "fingerprint": both,
        "leak": f"AWS-{both.removeprefix('sha256:')}",
    }


def test_a_token_of_github() -> None:
    """Not checked, found in a file, and with the secret in five places of the result."""
    alert = only("trufflehog", TRUFFLEHOG_GITHUB)
    assert (alert.provider, alert.credential, alert.severity) == ("github", "", 6.0)
    assert alert.labels["file"] == "/srv/[removed]/notes.txt"
    assert alert.labels["validity"] == "unknown"
    assert only("trufflehog", changed(TRUFFLEHOG_GITHUB, "VerificationError", "")).severity == 4.0


def test_no_secret_leaves_the_parser() -> None:
    """Neither in what is kept, nor in an alert, nor in the key; not in part, not as it stands in a URL."""
    found = parsed("trufflehog", lines(TRUFFLEHOG_AWS, TRUFFLEHOG_GITHUB))
    assert len(found.alerts) == 2
    everything = told(found)
    assert "canary" not in everything.lower()
    assert not [one for one in CANARIES if one in everything]
    assert KEY_ID in everything


def test_what_is_kept_reads_as_the_original() -> None:
    """So that a delivery can be read again after a restart, and means the same."""
    found = parsed("trufflehog", lines(TRUFFLEHOG_AWS, TRUFFLEHOG_GITHUB, TRUFFLEHOG_AWS))
    assert found.kept is not None
    assert parsed("trufflehog", found.kept) == found
    assert scrubbed(found.kept) == found.kept


TEXT = st.sampled_from(["", "AWS", GITHUB_TOKEN, KEY_ID, "sha256:0123456789abcdef", SERVICE_ACCOUNT]) | st.text(
    max_size=8
)


@given(
    raw=TEXT, both=TEXT, redacted=TEXT, extra=st.dictionaries(TEXT, TEXT, max_size=3), parts=st.lists(TEXT, max_size=3)
)
def test_every_result_reads_again(raw: str, both: str, redacted: str, extra: dict[str, str], parts: list[str]) -> None:
    """Whatever stands in it: what is kept means the same, and of a secret of some length nothing is in it."""
    result = TRUFFLEHOG_AWS | {
        "Raw": raw,
        "RawV2": both,
        "Redacted": redacted,
        "ExtraData": extra | {"message": f"<{both}> {raw}", "account": "1"},
        "SecretParts": {str(number): one for number, one in enumerate(parts)},
        "SourceMetadata": {"Data": {"Git": {"file": both or raw, "line": 1}}},
    }
    try:
        found = parsed("trufflehog", result)
    except UsageError:
        return
    assert found.kept is not None
    assert parsed("trufflehog", found.kept) == found
    assert GITHUB_TOKEN not in told(found)


def test_the_same_secret_twice_is_one_alert() -> None:
    """Counted; the check that says that it works counts."""
    elsewhere = changed(TRUFFLEHOG_AWS, "SourceMetadata.Data.Git.file", "notes.txt")
    (alert,) = parsed("trufflehog", lines(TRUFFLEHOG_AWS | {"Verified": False}, elsewhere, TRUFFLEHOG_AWS)).alerts
    assert (alert.count, alert.severity, alert.labels["file"]) == (3, 9.0, "notes.txt")


def test_the_key() -> None:
    """Detector and secret, wherever it was found: a second run reports nothing new, unless the secret now works."""
    found = parsed("trufflehog", TRUFFLEHOG_AWS)
    assert found.key == f"AWS/{fingerprint(f'{KEY_ID}:{AWS_SECRET}')}/active"
    elsewhere = changed(TRUFFLEHOG_AWS, "SourceMetadata.Data.Git.commit", "0" * 40)
    assert parsed("trufflehog", elsewhere).key == found.key
    assert parsed("trufflehog", TRUFFLEHOG_AWS | {"Verified": False}).key != found.key
    assert parsed("trufflehog", TRUFFLEHOG_AWS | {"DetectorName": "Github"}).key != found.key
    several = parsed("trufflehog", lines(TRUFFLEHOG_AWS, TRUFFLEHOG_GITHUB)).key
    assert several == parsed("trufflehog", lines(TRUFFLEHOG_GITHUB, TRUFFLEHOG_AWS)).key


def test_what_the_command_prints_besides() -> None:
    """Lines of its log, empty lines, a list that somebody made of it; or nothing at all, which is good news."""
    body = b"\n" + lines(LOG, TRUFFLEHOG_AWS) + b"\r\n\n"
    assert len(parsed("trufflehog", body).alerts) == 1
    assert parsed("trufflehog", [TRUFFLEHOG_AWS, LOG]).alerts == parsed("trufflehog", body).alerts
    for nothing in (b"", b"\n", lines(LOG), b"[]"):
        found = parsed("trufflehog", nothing)
        assert (found.alerts, found.note, found.kept) == ((), "TruffleHog found nothing.", b"")


def test_an_account_of_google() -> None:
    """`Redacted` is the account's address, which says whose key it is, not which; the rest of the file is the secret."""
    file = json.dumps({"client_email": SERVICE_ACCOUNT, "private_key": "-----BEGIN PRIVATE KEY-----\ncanary"})
    result = TRUFFLEHOG_AWS | {"DetectorName": "GCP", "Raw": file, "RawV2": file, "Redacted": SERVICE_ACCOUNT}
    found = parsed("trufflehog", result | {"SecretParts": {"key": file}, "ExtraData": {"project": "example-project"}})
    assert (found.alerts[0].provider, found.alerts[0].user_name) == ("google", SERVICE_ACCOUNT)
    assert found.alerts[0].credential == ""
    assert "canary" not in told(found).lower()


def test_a_canary_token() -> None:
    """Somebody has laid it out to be found: a runbook that shut it would shut the alarm."""
    assert only("trufflehog", changed(TRUFFLEHOG_AWS, "ExtraData.is_canary", "true")).sample
    assert not only("trufflehog", changed(TRUFFLEHOG_AWS, "ExtraData.is_canary", "false")).sample


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://gitlab.com/group/sub/gateway.git", "group/sub/gateway"),
        (f"https://x:{GITHUB_TOKEN}@github.com/example/gateway", "example/gateway"),
        ("git@github.com:example/gateway.git", "git@github.com:example/gateway.git"),
        ("/srv/repository", "/srv/repository"),
    ],
)
def test_names_of_repositories(url: str, repository: str) -> None:
    """As GitHub's own alerts call them, so that triggers compare one text."""
    assert only("trufflehog", changed(TRUFFLEHOG_AWS, "SourceMetadata.Data.Git.repository", url)).resource == repository


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lines(TRUFFLEHOG_AWS) + b'{"DetectorName": "AWS", "Raw": "canary', "a result of trufflehog --json, line 2"),
        (b'"canary-secret"', "line 1: it is not a JSON object"),
        (b'["canary-secret"]', "not every member of the list is an object"),
        (b'[{"Raw": "canary"', "it is not JSON"),
        (lines({"Raw": "canary-secret"}), "it has no `DetectorName`"),
        (lines({"DetectorName": "AWS", "Redacted": "canary"}), "a result has neither `Raw` nor `RawV2`"),
        (lines({"DetectorName": "AWS", "Raw": {"canary": 1}}), "`Raw` is not a text"),
        (lines({"DetectorName": 8, "Raw": "canary"}), "`DetectorName` is not a text"),
        (lines(TRUFFLEHOG_AWS | {"SecretParts": [f"canary{n}" for n in range(100)]}), "in more than 64 parts"),
        (b"\n" * 2_000_001, "2,000,001 bytes"),
        (lines({"DetectorName": "AWS", "Raw": "canary"}) * 5_001, "more than 5,000 results; post it in several parts"),
    ],
)
def test_what_is_no_output(body: bytes, says: str) -> None:
    """A sentence that says where, and nothing of what stands there; and what a door keeps of it is without secrets."""
    said = wrong("trufflehog", body)
    assert says in said
    assert "canary" not in said


def test_a_delivery_that_is_cut_off() -> None:
    """It cannot be read, and is kept for a person to look at: without the secret, complete or not."""
    whole = lines(TRUFFLEHOG_GITHUB, TRUFFLEHOG_AWS)
    short = TRUFFLEHOG_AWS | {
        "Raw": "canary-without-shape",
        "RawV2": "",
        "SecretParts": {"key": "canary-without-shape"},
    }
    for body in (whole[:-30], lines(short)[:-2], json.dumps({"x": 1}).encode() + b"\n" + lines(short)[:-40], whole):
        kept = scrubbed(body)
        assert b"without-shape" not in kept
        assert not [one for one in CANARIES if one.encode() in kept]


def test_the_table_of_detectors() -> None:
    """Each leads to a provider that firedoor has."""
    assert set(trufflehog.DETECTORS) <= set(providers())
