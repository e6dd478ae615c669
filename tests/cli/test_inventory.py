"""`firedoor inventory`, as a person uses it: checked, filled from a provider, AWS and scanners, and drawn."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.toml import toml
from firedoor.inventory import load_inventory
from firedoor.inventory.schema import inventory_schema
from tests.cli.conftest import Cli
from tests.emulators import ROOT, Emulator, People
from tests.inventory.test_inventory import FINDING, TEXT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own, with an inventory."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    (tmp_path / "inventory.yaml").write_text(TEXT)
    return tmp_path


@pytest.fixture(scope="module")
def aws(ministack_server: Emulator) -> Emulator:
    """An emulator that knows who may do what."""
    ministack_server.reset()
    return ministack_server


@pytest.fixture
def openai(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """A fake that firedoor's settings name."""
    with FakeOpenAI() as fake:
        assert isinstance(fake, FakeOpenAI)
        settings = {"base_url": fake.url, "admin_key": "env:FIREDOOR_SECRET_OPENAI"}
        (home / "firedoor.toml").write_text(toml({"providers.openai": settings}))
        monkeypatch.setenv("FIREDOOR_SECRET_OPENAI", fake.admin)
        yield fake


@pytest.mark.usefixtures("home")
def test_it_is_checked(cli: Cli, home: Path) -> None:
    """Counts, and what nobody is known to use; every mistake of a wrong one with its line."""
    assert "2 credentials, 3 consumers, 3 customers." in cli("inventory", "check").out
    assert json.loads(cli("inventory", "check", "-o", "json").out)["unused"] == []
    (home / "inventory.yaml").write_text(
        TEXT.replace("[acme, globex]", "[acne]").replace("provider: openai", "provider: x")
    )
    wrong = cli("inventory", "check")
    assert wrong.code == 2
    assert "inventory.yaml:18:41: There is no `acne` under `customers`." in wrong.err
    assert "inventory.yaml:5:15: `x` is no provider that firedoor knows." in wrong.err


@pytest.mark.usefixtures("desk_here")
def test_a_providers_list_is_added_behind_what_people_wrote(cli: Cli, home: Path, openai: FakeOpenAI) -> None:
    """First shown, then written; a second time nothing is new; no value comes with it."""
    openai.plant("gateway")
    openai.plant("laptop", user="ada")
    shown = cli("inventory", "import", "openai", "--dry-run")
    assert "3 credentials would be added" in shown.out
    assert (home / "inventory.yaml").read_text() == TEXT
    assert "+ openai-laptop" in cli("inventory", "import", "openai").out
    written = (home / "inventory.yaml").read_text()
    assert written.startswith(TEXT[:200])
    assert "canary" not in written
    assert len(load_inventory(home / "inventory.yaml").credentials) == 5
    again = json.loads(cli("inventory", "import", "openai", "-o", "json").out)
    assert (again["added"], again["written"], len(again["known"])) == ([], False, 3)


@pytest.mark.usefixtures("desk_here")
def test_aws_tells_keys_secrets_and_parameters_by_their_tags(
    cli: Cli, home: Path, aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and tags, never values."""
    aws.client("iam").create_user(UserName="ci")
    key = aws.client("iam").create_access_key(UserName="ci")["AccessKey"]["AccessKeyId"]
    tags = [{"Key": "firedoor:provider", "Value": "openai"}, {"Key": "firedoor:id", "Value": "key_9"}]
    aws.client("secretsmanager").create_secret(Name="stock/a", SecretString="sk-canary", Tags=tags)
    aws.client("ssm").put_parameter(Name="/stock/b", Value="sk-canary", Type="SecureString")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    (home / "firedoor.toml").write_text(toml({"aws": {"endpoint_url": aws.url, "region": "us-east-1"}}))
    aws.client("iam").create_login_profile(UserName="ci", Password="Canary-1-of-a-console")
    said = cli("inventory", "import", "aws-iam")
    assert said.code == 0
    assert "1 user with a console password: ci." in said.err
    for source in ("aws-sm", "aws-ssm"):
        assert cli("inventory", "import", source).code == 0
    entries = load_inventory(home / "inventory.yaml").credentials.values()
    # From the credential report, which knows a key by the second in which it was made.
    assert [(one.scope, one.note) for one in entries if one.id == key] == [("ci", "never used")]
    assert [(one.provider, one.id) for one in entries if "aws-sm:stock/a" in one.where] == [("openai", "key_9")]
    assert [one.provider for one in entries if "aws-ssm:/stock/b" in one.where] == ["unknown"]
    assert "canary" not in (home / "inventory.yaml").read_text().lower()
    aws.session().client("secretsmanager", region_name="eu-west-1", endpoint_url=aws.url).create_secret(
        Name="stock/far", SecretString="sk-canary"
    )
    assert cli("inventory", "import", "aws-sm", "--scope", "eu-west-1").code == 0
    places = [place for one in load_inventory(home / "inventory.yaml").credentials.values() for place in one.where]
    assert "aws-sm:stock/far?region=eu-west-1" in places
    people = People(aws).user("poor", "iam:ListUsers", "iam:ListAccessKeys")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", people.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", people.secret)
    without = cli("inventory", "import", "aws-iam", "--dry-run")
    assert without.code == 0
    assert "Without the credential report: " in without.err
    assert "iam:GenerateCredentialReport" in without.err


def test_what_a_vendor_stores_are_places_of_other_providers_keys(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own tokens are its own; what customers stored there is somebody else's, and its name may say whose."""
    with FakeBraintrust() as fake:
        assert isinstance(fake, FakeBraintrust)
        fake.plant_credential("service_token", "ours")
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SOMETHING"):
            fake.plant_credential("ai_secret", name)
        variable = fake.plant_credential("env_var", "MISTRAL_API_KEY").credential
        settings = {"base_url": fake.url, "api_key": "env:FIREDOOR_SECRET_BRAINTRUST"}
        (home / "firedoor.toml").write_text(toml({"providers.braintrust": settings}))
        monkeypatch.setenv("FIREDOOR_SECRET_BRAINTRUST", fake.owner)
        said = cli("inventory", "import", "braintrust")
    # The entry that people wrote says already who issued what is stored as OPENAI_API_KEY.
    assert "1 stood there already" in said.out
    assert "What Braintrust holds belongs to other providers." in said.err
    found = load_inventory(home / "inventory.yaml").credentials.values()
    held = {place: one.provider for one in found for place in one.where if place.startswith("braintrust:")}
    assert held["braintrust:ai_secret/OPENAI_API_KEY"] == "openai"
    assert held["braintrust:ai_secret/ANTHROPIC_API_KEY"] == "anthropic"
    assert held["braintrust:ai_secret/SOMETHING"] == "unknown"
    assert f"braintrust:env_var/{variable.scope}/MISTRAL_API_KEY" in held
    assert {one.kind for one in found if one.provider == "braintrust"} == {"service_token"}
    assert "canary" not in (home / "inventory.yaml").read_text()


@pytest.mark.usefixtures("desk_here")
def test_an_import_that_begins_an_inventory_brings_its_schema(cli: Cli, home: Path, openai: FakeOpenAI) -> None:
    """Its first line names the schema for editors, which stands beside it; nothing is written by a dry run."""
    (home / "inventory.yaml").unlink()
    openai.plant("gateway")
    assert cli("inventory", "import", "openai", "--dry-run").code == 0
    assert not list(home.glob("inventory*"))
    assert cli("inventory", "import", "openai").code == 0
    first = (home / "inventory.yaml").read_text().partition("\n")[0]
    assert first == "# yaml-language-server: $schema=inventory.schema.json"
    assert json.loads((home / "inventory.schema.json").read_text()) == inventory_schema()
    (home / "inventory.schema.json").unlink()
    openai.plant("batch")
    assert "+ openai-batch" in cli("inventory", "import", "openai").out
    assert not (home / "inventory.schema.json").exists()


@pytest.mark.usefixtures("home")
def test_what_would_not_be_looked_at_is_refused(cli: Cli) -> None:
    """A source or a file where none is read is a slip of the keyboard."""
    assert "`openai` is for import; check takes none." in cli("inventory", "check", "openai").err
    assert "`x.json` is for import; graph takes none." in cli("inventory", "graph", "--file", "x.json").err
    stray = cli("inventory", "import", "openai", "--file", "x.json")
    assert stray.code == 2
    assert "--file is what a scanner wrote; openai is none." in stray.err


@pytest.mark.usefixtures("home")
def test_what_a_scanner_found_comes_in_without_its_secrets(cli: Cli, home: Path, tmp_path: Path) -> None:
    """TruffleHog's lines: provider, fingerprint, place."""
    found = tmp_path / "found.jsonl"
    found.write_text(json.dumps(FINDING))
    assert cli("inventory", "import", "trufflehog", "--file", str(found)).code == 0
    written = (home / "inventory.yaml").read_text()
    assert "git@example/x a.py:7" in written
    assert "canary" not in written
    assert "Usage: firedoor inventory import ggshield --file FILE" in cli("inventory", "import", "ggshield").err
    assert "cannot be read" in cli("inventory", "import", "ggshield", "--file", "/nowhere").err


@pytest.mark.usefixtures("home")
def test_a_source_that_does_not_exist(cli: Cli) -> None:
    """The sentence says which there are."""
    wrong = cli("inventory", "import", "opeani")
    assert wrong.code != 0
    assert "There is no source 'opeani'" in wrong.err
    assert "aws-iam, aws-sm, aws-ssm, " in wrong.err
    assert "Import from where?" in cli("inventory", "import").err


def test_it_is_drawn(cli: Cli, home: Path, tmp_path: Path) -> None:
    """Each name once; many customers as one box for all who depend on the same things."""
    picture = tmp_path / "x.svg"
    assert cli("inventory", "graph", "--out", str(picture)).code == 0
    texts = re.findall(r">([^<>]+)</text>", picture.read_text())
    for name in ("gateway-openai", "batch", "Braintrust", "acme", "initech"):
        assert name in texts
    many: dict[str, dict[str, str]] = {f"c{number}": {} for number in range(500)}
    consumers = {"gateway": {"customers": list(many)}, "braintrust": {}, "batch": {}}
    entries = {"k": {"provider": "openai", "id": "key_1", "consumers": ["gateway"]}}
    (home / "inventory.yaml").write_text(
        json.dumps({"credentials": entries, "consumers": consumers, "customers": many})
    )
    assert cli("inventory", "graph", "--out", str(picture)).code == 0
    assert ">500 customers<" in picture.read_text()
    assert "cannot be written" in cli("inventory", "graph", "--out", "/nowhere/x.svg").err


@pytest.mark.usefixtures("home")
def test_its_schema_is_for_editors(cli: Cli) -> None:
    """JSON Schema with every key and what it means; it takes what `check` takes, and refuses what an editor can see."""
    schema = json.loads(cli("inventory", "schema").out)
    assert schema["$defs"]["Entry"]["properties"]["where"]["description"].startswith("The places")
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert [one.message for one in validator.iter_errors(yaml.safe_load(TEXT))] == []
    for old, new in (
        ("provider: openai", "provider: opeani"),
        ("kind: service_account_key", "kind: nope"),
        ("'aws-sm:gateway/openai'", "'s3:x'"),
        ("    id: key_1", "    idd: key_1"),
        ("id: key_1", "id: 7"),
        ("  batch:\n    p", "  a b:\n    p"),
    ):
        assert list(validator.iter_errors(yaml.safe_load(TEXT.replace(old, new)))), new
