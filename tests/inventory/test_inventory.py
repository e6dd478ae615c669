"""The inventory: what it may say, what follows from it, and how it is filled."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from firedoor.errors import UsageError
from firedoor.inventory import Entry, load_inventory, parse
from firedoor.inventory.findings import ggshield, provider_of, trufflehog
from firedoor.inventory.merging import merge
from firedoor.steps._step import Credential

TEXT = dedent(
    """
    # Ours. Do not sort.
    credentials:
      gateway-openai:   # the one of the proxy
        provider: openai
        kind: service_account_key
        id: key_1
        where: ['aws-sm:gateway/openai', 'braintrust:ai_secret/OPENAI_API_KEY']
        consumers: [gateway, braintrust]
      batch:
        provider: anthropic
        where: ['aws-sm:batch#v2']
        consumers: [batch]
        customers: [initech]

    # Who uses them
    consumers:
      gateway: {owner: on-call, customers: [acme, globex]}
      braintrust: {title: Braintrust}
      batch: {}
    customers:
      acme: {contact: security@acme.example}
      globex: {}
      initech: {}
    """
)


def test_who_is_hit_follows_from_the_consumers() -> None:
    """Consumers of a credential, their customers, and its own; each once."""
    inventory = parse(TEXT, "inventory.yaml")
    reach = inventory.reach(["gateway-openai", "batch"])
    assert reach.consumers == ("batch", "braintrust", "gateway")
    assert reach.customers == ("acme", "globex", "initech")
    assert inventory.reach(["gateway-openai"]).blast() == {"consumers": 2, "customers": 2}
    assert inventory.reach([]).blast() == {}


@pytest.mark.parametrize(
    ("credential", "name"),
    [
        ({"provider": "openai", "id": "key_1"}, "gateway-openai"),
        ({"provider": "openai", "where": "aws-sm:gateway/openai#an-old-version"}, "gateway-openai"),
        ({"provider": "anthropic", "id": "apikey_9", "where": "aws-sm:batch"}, "batch"),
        ({"provider": "openai", "id": "key_2", "where": "aws-sm:gateway/openai"}, ""),
        ({"provider": "anthropic", "id": "key_1"}, ""),
    ],
)
def test_a_credential_is_recognised(credential: dict[str, str], name: str) -> None:
    """By its id, or where nobody knows that, by the place of its value; another id is another credential."""
    found = parse(TEXT, "inventory.yaml").known(Credential(**credential))
    assert found == ((name,) if name else ())


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("provider: openai", "provider: opeani", "5:15", "`opeani` is no provider that firedoor knows."),
        ("kind: service_account_key", "kind: nope", "6:11", "openai has no `nope`."),
        ("'aws-sm:gateway/openai'", "'s3:x'", "8:13", "'s3:x' names no place for a secret"),
        ("consumers: [batch]", "consumers: [betch]", "13:17", "There is no `betch` under `consumers`."),
        ("customers: [acme, globex]", "customers: [acne]", "18:41", "There is no `acne` under `customers`."),
        ("provider: anthropic", "{provider: [", "13:5", "nothing was read from it"),
        ("    id: key_1", "    idd: key_1", "7:5", "`credentials.gateway-openai.idd` there is no such key."),
        ("    id: key_1", "    provider: openai", "7:5", "`credentials.gateway-openai.provider` stands there twice."),
        ("where: ['aws-sm:batch#v2']", "owner: me", "10:3", "`batch` has nothing to recognise it by."),
        ("id: key_1", "id: 7", "7:9", "`credentials.gateway-openai.id` must be a text: put it in quotes."),
        ("  batch:\n    p", "  a b:\n    p", "10:3", "`credentials.a b` does not look as it must."),
    ],
)
def test_every_mistake_has_its_place_and_what_is_allowed(old: str, new: str, place: str, says: str) -> None:
    """Line and column, as a person finds them in an editor."""
    with pytest.raises(UsageError) as raised:
        parse(TEXT.replace(old, new), "inventory.yaml")
    assert f"inventory.yaml:{place}: " in str(raised.value)
    assert says in str(raised.value)


def test_all_mistakes_come_at_once() -> None:
    """Two are found in one reading; and the same credential twice is one."""
    text = TEXT.replace("provider: anthropic", "provider: openai\n    id: key_1").replace("[acme, globex]", "[acne]")
    with pytest.raises(UsageError, match="2 mistakes"):
        parse(text, "inventory.yaml")
    with pytest.raises(UsageError, match="`batch` and `gateway-openai` are the same credential"):
        parse(text, "inventory.yaml")


def test_a_mistake_of_shape_hides_none_of_sense() -> None:
    """What cannot be read of an entry is left out, and the rest is checked; nothing is told that follows from it."""
    text = dedent(
        """
        credentials:
          a: {provider: opeani, id: 7, consumers: [gatewy]}
          b: {id: key_2, customers: [nobody]}
          c: [1]
        consumers:
          gateway: {ownr: x, customers: [nobody]}
        """
    )
    with pytest.raises(UsageError) as raised:
        parse(text, "f")
    said = [line.partition(": ")[::2] for line in str(raised.value).splitlines() if line.startswith("f:")]
    assert said == [
        ("f:3:17", "`opeani` is no provider that firedoor knows."),
        ("f:3:29", "`credentials.a.id` must be a text: put it in quotes."),
        ("f:3:44", "There is no `gatewy` under `consumers`."),
        ("f:4:3", "`credentials.b.provider` is missing."),
        ("f:4:30", "There is no `nobody` under `customers`."),
        ("f:5:3", "`credentials.c` must be a mapping of keys."),
        ("f:7:13", "`consumers.gateway.ownr` there is no such key."),
        ("f:7:34", "There is no `nobody` under `customers`."),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "f:1:1: `the file` must be a mapping of keys."),
        ("credentials: \0", "f: this is no YAML."),
        ("credentials: &a\n  x: *a\n", "f:2:3: `credentials.x.x` there is no such key."),
        ("a: " + "[" * 3000 + "]" * 3000, "f is nested too deeply, or contains itself."),
        ("&a [*a]", "f:1:1: `the file` must be a mapping of keys."),
        ("x: &a [1]\n" + "".join(f"y{n}: &b{n} [{', '.join(['*a'] * 9)}]\n" for n in range(9)), "10 mistakes"),
    ],
)
def test_a_file_that_is_made_to_hurt(text: str, says: str) -> None:
    """It is refused with a sentence, at once."""
    with pytest.raises(UsageError) as raised:
        parse(text, "f")
    assert says in str(raised.value)


def test_a_block_that_is_begun_is_an_empty_one() -> None:
    """Nothing behind `consumers:` is no mistake."""
    assert parse("credentials:\nconsumers:\n", "f").credentials == {}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Which file, why, and which setting names it."""
    with pytest.raises(UsageError, match=r"nowhere.yaml cannot be read: No such file or directory."):
        load_inventory(tmp_path / "nowhere.yaml")


def test_an_import_adds_and_touches_nothing() -> None:
    """Comments and order stay; what is new stands behind the last entry; what differs is told."""
    found = [
        Entry(provider="openai", id="key_1", where=["vault:kv/x?field=y"]),
        Entry(provider="openai", id="key_7", name="Fresh Key", where=["aws-sm:fresh"]),
        Entry(provider="openai", id="key_7", where=["aws-sm:elsewhere"]),
        Entry(provider="unknown", where=["aws-sm:fresh"]),
    ]
    merged = merge(TEXT, parse(TEXT, "f"), found)
    assert merged.added == ("openai-fresh-key",)
    assert merged.known == ("gateway-openai",)
    assert merged.differs == ("gateway-openai: where vault:kv/x?field=y is not in the file",)
    before, _, after = merged.text.partition("  openai-fresh-key:\n")
    assert TEXT.startswith(before)
    assert TEXT.endswith(after.partition("\n\n")[2])
    again = parse(merged.text, "f")
    assert again.credentials["openai-fresh-key"].where == ["aws-sm:fresh", "aws-sm:elsewhere"]
    assert merge(merged.text, again, found).added == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "consumers: {a: {}}\n",
        "credentials: {}\n",
        "credentials: {}  # none\nconsumers: {a: {}}\n",
        "credentials:   # none\n\nconsumers:\n  a: {}\n",
        "consumers: {a: {}}\ncredentials: null",
    ],
)
def test_an_import_begins_an_inventory(text: str) -> None:
    """Of no file, of an empty one, of one without credentials; what stood there stands there still."""
    merged = merge(text, parse(text, "f"), [Entry(provider="openai", id="key_1")])
    written = parse(merged.text, "f")
    assert written.credentials["openai-key-1"].id == "key_1"
    assert ("a" in written.consumers) == ("a: {}" in text)
    assert ("# none" in merged.text) == ("# none" in text)


def test_entries_between_braces_are_not_torn_apart() -> None:
    """There is no line behind them: it is said, and nothing is written."""
    text = "credentials: {a: {provider: openai, id: key_1}}\n"
    with pytest.raises(UsageError, match=r"stand between \{ and \}"):
        merge(text, parse(text, "f"), [Entry(provider="openai", id="key_2")])


def test_a_block_of_its_own_indent_and_without_an_end_of_line() -> None:
    """Four spaces, and nothing after the last character."""
    text = "credentials:\n    a:\n        provider: openai\n        id: key_1"
    merged = merge(text, parse(text, "f"), [Entry(provider="openai", id="key_2")])
    assert set(parse(merged.text, "f").credentials) == {"a", "openai-key-2"}


FINDING = {
    "SourceMetadata": {"Data": {"Git": {"repository": "git@example/x", "file": "a.py", "line": 7}}},
    "DetectorName": "OpenAI",
    "Verified": True,
    "Raw": "sk-canary-of-trufflehog",
}
SCAN = {
    "entities_with_incidents": [
        {
            "filename": "b.env",
            "incidents": [
                {
                    "type": "Anthropic Key",
                    "occurrences": [
                        {"match": "sk-ant-canary", "line_start": 3},
                        {"match": "sk-ant-c*****", "line_start": 4},
                    ],
                }
            ],
        }
    ]
}


def test_what_scanners_found_comes_without_the_secrets() -> None:
    """TruffleHog and ggshield: provider, fingerprint, place; a value that was hidden has no fingerprint."""
    aws = FINDING | {"DetectorName": "AWS", "Raw": "AKIAIOSFODNN7EXAMPLE", "RawV2": "AKIAIOSFODNN7EXAMPLEcanary"}
    lines = f'{{"level": "info"}}\n{json.dumps(FINDING)}\n\n{json.dumps(aws)}'
    openai, key = trufflehog(lines, "t")
    first, hidden = ggshield(json.dumps({"scans": [SCAN]}), "g")
    assert (openai.provider, openai.seen) == ("openai", ["git@example/x a.py:7"])
    assert openai.fingerprint.startswith("sha256:")
    assert key.id == "AKIAIOSFODNN7EXAMPLE"
    assert (first.provider, first.seen, hidden.fingerprint) == ("anthropic", ["b.env:3"], "")
    assert "canary" not in str([openai, key, first, hidden])


@pytest.mark.parametrize(("word", "provider"), [("OpenAI Project API Key", "openai"), ("Weird", "unknown")])
def test_the_words_of_scanners(word: str, provider: str) -> None:
    """Theirs begin with the name of a provider, or mean nobody that firedoor knows."""
    assert provider_of(word) == provider


def test_no_login_of_a_repository_comes_in() -> None:
    """Addresses of repositories may hold a token; the id of an access key is no secret."""
    place = {"repository": "https://x-token:canary@git.example/a.git", "file": "a.py", "line": 7}
    (found,) = trufflehog(json.dumps(FINDING | {"SourceMetadata": {"Data": {"Git": place}}}), "t")
    assert found.seen == ["https://git.example/a.git a.py:7"]
    occurrences = [{"match": "AKIAIOSFODNN7EXAMPLE"}]
    incident = {"type": "AWS Keys", "occurrences": occurrences}
    scan = {"entities_with_incidents": [{"filename": "https://u:canary@x/b", "incidents": [incident]}]}
    (key,) = ggshield(json.dumps(scan), "g")
    assert (key.provider, key.id, key.fingerprint, key.seen) == ("aws", "AKIAIOSFODNN7EXAMPLE", "", ["https://x/b"])


def test_what_is_no_output_of_a_scanner() -> None:
    """The file and the line are named, and nothing of it is repeated."""
    with pytest.raises(UsageError, match="t:2 is no JSON object of a scanner") as raised:
        list(trufflehog('{"DetectorName": "x"}\nsk-canary', "t"))
    assert "canary" not in str(raised.value)
