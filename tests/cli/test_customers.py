"""`firedoor customers`, as a person uses it: imported, refused, looked at, found."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

HEAD = "customer,name,time_zone,role,channel,address,provider,credential,store\n"
ROWS = """acme,Acme,Europe/Berlin,security,email,security@acme.example,openai,KEY,braintrust:ai_secret/ACME
globex,Globex,,owner,email,security@acme.example,anthropic,KEY,aws-sm:customers/globex
initech,Initech,,,,,,,
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three customers in a file, and a home that has none yet."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "home"))
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + ROWS)
    return path


def test_an_import_is_shown_then_done(cli: Cli, file: Path) -> None:
    """What would change, then that it has; customers without a contact and shared addresses are told."""
    shown = cli("customers", "import", str(file), "--dry-run")
    assert "3 customers, +3 -0 ~0. Nothing was changed: this was a dry run." in shown.out
    assert "There are no customers yet" in cli("customers", "list").out
    done = cli("customers", "import", str(file))
    assert (done.code, done.err) == (0, "")
    assert "Version 1: 3 customers from" in done.out
    assert "1 customer without any contact: initech." in done.out
    assert "1 address at more than one customer: email:security@acme.example at acme, globex." in done.out
    assert "a message for each" in done.out
    assert "as version 1 has them. Nothing changed." in cli("customers", "import", str(file)).out


def test_a_file_with_mistakes_changes_nothing(cli: Cli, file: Path) -> None:
    """Every mistake with its line and what is allowed; a program gets all of them."""
    cli("customers", "import", str(file))
    file.write_text(HEAD + ROWS.replace("Europe/Berlin", "Berlin").replace("owner", "boss") + "a b,,,,,,,,\n")
    refused = cli("customers", "import", str(file))
    assert refused.code == 2
    for words in (
        f"error: 3 mistakes in {file}:",
        "line 2: acme: zone “Berlin” is no time zone.",
        "allowed: IANA names, like Europe/Berlin. Did you mean Europe/Berlin?",
        "line 3: globex: the role of a contact is “boss”.",
        "line 5: customer: “a b” is no id.",
        "Nothing was changed: what was imported before stands.",
    ):
        assert words in refused.err
    told = cli("customers", "import", str(file), "-o", "json")
    assert told.code == 2
    assert [one["line"] for one in json.loads(told.out)["mistakes"]] == [2, 3, 5]
    assert json.loads(cli("customers", "show", "acme", "-o", "json").out)["zone"] == "Europe/Berlin"


def test_what_may_be_a_slip(cli: Cli, file: Path) -> None:
    """A provider or store that nobody knows, a source without customers, and a dry run of what will be refused."""
    file.write_text(HEAD + ROWS.replace("openai", "opneai").replace("braintrust:", "braintrst:"))
    said = cli("customers", "import", str(file), "--dry-run").out
    assert "! No provider is called opneai, at acme." in said
    assert "! No store is called braintrst, at acme." in said
    file.write_text(HEAD + "".join(f"c{number},,,,,,,,\n" for number in range(12)))
    cli("customers", "import", str(file))
    file.write_text(HEAD)
    shown = cli("customers", "import", str(file), "--dry-run")
    assert "! This import would forget 12 customers of 12: c0, c1, …. Without --anyway it will be refused." in shown.out
    assert "Without --anyway" not in cli("customers", "import", str(file), "--dry-run", "--anyway").out
    refused = cli("customers", "import", str(file))
    assert (refused.code, "An export that was cut off looks like that." in refused.err) == (5, True)
    cli("customers", "import", str(file), "--anyway")
    assert "has no customers at all" in cli("customers", "import", str(file)).out


def test_what_is_looked_at(cli: Cli, file: Path) -> None:
    """All, those without a contact, those who share an address, one, one as it was, the imports."""
    cli("customers", "import", str(file))
    file.write_text(HEAD + ROWS.replace("Acme,", "ACME,"))
    cli("customers", "import", str(file))
    assert "3 customers" in cli("customers", "list").out
    assert "--limit shows more than 1" in cli("customers", "list", "--limit", "1").out
    for option, names in (("--missing-contact", ["initech"]), ("--same-address", ["acme", "globex"])):
        assert [one["id"] for one in json.loads(cli("customers", "list", option, "-o", "json").out)] == names
    shown = cli("customers", "show", "acme").out
    assert "security@acme.example" in shown
    assert "braintrust:ai_secret/ACME" in shown
    assert json.loads(cli("customers", "show", "acme", "--version", "1", "-o", "json").out)["name"] == "Acme"
    assert "No contact" in cli("customers", "show", "initech").out
    assert [one["changed"] for one in json.loads(cli("customers", "versions", "-o", "json").out)] == [1, 0]
    assert str(file) in cli("customers", "versions").out


def test_whom_an_exposure_concerns(cli: Cli, file: Path) -> None:
    """Places and ids on the command line; what nobody knows is told."""
    cli("customers", "import", str(file))
    words = ("customers", "affected", "braintrust:", "key_9", "--confirmed", "aws-sm:customers/globex")
    said = cli(*words)
    assert "2 customers affected: 1 confirmed, 0 likely, 1 possible" in said.out
    assert said.out.index("globex") < said.out.index("acme")
    assert "No customer is known of: key_9" in said.out
    found = json.loads(cli(*words, "-o", "json").out)
    assert ([one["customer"] for one in found["affected"]], found["unknown"]) == (["acme", "globex"], ["key_9"])
    assert json.loads(cli(*words, "--provider", "openai", "-o", "json").out)["affected"][0]["customer"] == "acme"


def test_a_database_that_the_settings_name(cli: Cli, file: Path, tmp_path: Path) -> None:
    """Without a source the settings say it: the database, its query, which column is which."""
    database = sqlite3.connect(tmp_path / "crm.sqlite")
    database.execute("CREATE TABLE account (key TEXT, mail TEXT, plan TEXT)")
    database.execute("INSERT INTO account VALUES ('acme', 'sec@acme.example', 'gold')")
    database.commit()
    database.close()
    (file.parent / "home").mkdir()
    (file.parent / "home" / "firedoor.toml").write_text(
        f"""[customers]
source = "sqlite:///{tmp_path}/crm.sqlite"
query = "SELECT * FROM account"
columns = {{customer = "key", "security.email" = "mail"}}
"""
    )
    done = cli("customers", "import")
    assert "Version 1: 1 customer from sqlite:///" in done.out
    assert "Column left alone: plan" in done.out
    assert "acme" in cli("customers", "list").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("import",), "Import from where?"),
        (("import", "/nowhere.csv"), "/nowhere.csv cannot be read: No such file or directory."),
        (("import", "a.csv", "b.csv"), "`b.csv` is one too many"),
        (("show",), "something is missing"),
        (("show", "nobody"), "There is no customer 'nobody'."),
        (("versions", "--version", "1"), "--version is for list and show; versions takes none."),
        (("affected",), "something is missing"),
        (("list", "--query", "SELECT 1"), "--query is for import; list takes none."),
        (("import", "a.csv", "--query", "SELECT 1"), "A file has no query and no secret."),
    ],
)
@pytest.mark.usefixtures("file")
def test_a_slip_of_the_keyboard(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    """Said before anything is opened or asked."""
    refused = cli("customers", *words)
    assert refused.code == 2
    assert sentence in refused.err


@pytest.mark.parametrize("word", ["list", "versions"])
@pytest.mark.usefixtures("file")
def test_before_the_first_import(cli: Cli, word: str) -> None:
    """Nothing is there, and how to begin is said."""
    assert "firedoor customers import FILE" in cli("customers", word).out
