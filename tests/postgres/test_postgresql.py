"""Customers out of a real PostgreSQL, with the drivers that people install for it: `make test-postgres`."""

import json
import os
import pwd
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.pool import NullPool

from activities import customer_source
from activities.customer_source import fetched
from firedoor.errors import StepError
from firedoor.local import free_port

pytestmark = pytest.mark.postgres

#: Where Debian puts its programs, which are not on PATH.
HOMES = Path("/usr/lib/postgresql")
DRIVERS = ("psycopg", "pg8000")
OWNER, READER, PASSWORD = "postgres", "reader", "canary-password"
#: Seconds for it to start, and to end.
PATIENCE = 30.0
ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = """
CREATE EXTENSION citext;
CREATE TYPE plan AS ENUM ('free', 'large');
CREATE TABLE account (
    id citext PRIMARY KEY, name text, hours numeric(6, 2), since timestamptz, plan plan, share float8,
    tags text[], extra jsonb, blob bytea, contact text
);
INSERT INTO account VALUES
    ('Acme', 'Acme – 50 %: «Söhne»', 24, '2026-05-04 02:10:00+02', 'large', 0.5,
     '{a,"b c"}', '{"keys": [1, null]}', '\\x00ff', 'security@acme.example'),
    ('globex', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE secret (value text);
CREATE FUNCTION hire() RETURNS text LANGUAGE sql VOLATILE AS $$ INSERT INTO account VALUES ('new') RETURNING 'new' $$;
CREATE ROLE reader LOGIN PASSWORD 'canary-password';
GRANT ALL ON account TO reader;
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A PostgreSQL on loopback with two accounts, ended by its process id."""
    programs = sorted(HOMES.glob("*/bin"))
    assert programs, "PostgreSQL is not installed: apt-get install --no-install-recommends postgresql"
    # It refuses to run as root, and pytest's own folders are for nobody else.
    user: dict[str, Any] = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), free_port()
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                os.chown(path, pwd.getpwnam(OWNER).pw_uid, -1)
        initdb = (programs[-1] / "initdb", "-D", folder / "data", "-A", "scram-sha-256", "-U", OWNER, "-E", "UTF8")
        subprocess.run([*initdb, "--pwfile", folder / "password", "--no-sync"], check=True, capture_output=True, **user)
        settings = ("fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        command = [str(programs[-1] / "postgres"), "-D", str(folder / "data"), "-p", str(found)]
        for setting in settings:
            command += ["-c", setting]
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **user)
            try:
                _wait(running, folder / "log")
                with connection(found) as database:
                    database.exec_driver_sql(ACCOUNTS.replace("%", "%%"))
                yield found
            finally:
                running.terminate()
                running.wait(PATIENCE)


def _wait(running: "subprocess.Popen[Any]", log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while b"ready to accept connections" not in log.read_bytes():
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def connection(port: int) -> Connection:
    """A connection of whoever may do everything; each statement is done at once."""
    url = URL.create("postgresql+psycopg", OWNER, PASSWORD, "127.0.0.1", port, "postgres")
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()


@pytest.fixture(params=DRIVERS)
def crm(request: pytest.FixtureRequest, port: int) -> str:
    """The database as people name it, by each driver."""
    return f"postgresql+{request.param}://{READER}@127.0.0.1:{port}/postgres"


def test_what_each_type_becomes(crm: str) -> None:
    """Null is empty, 24.00 hours are 24, an array and an object are JSON; what is no text is nevertheless shown."""
    found = fetched(crm, "SELECT * FROM account ORDER BY name;", PASSWORD)
    assert found["titles"] == ["id", "name", "hours", "since", "plan", "share", "tags", "extra", "blob", "contact"]
    acme, globex = found["rows"]
    assert acme[:3] == ["Acme", "Acme – 50 %: «Söhne»", "24"]
    assert acme[3] == "2026-05-04 00:10:00+00:00"
    assert acme[4:7] == ["large", "0.5", '["a", "b c"]']
    assert acme[7:] == ['{"keys": [1, null]}', "\x00\\xff", "security@acme.example"]
    assert globex == ["globex", *[""] * 9]


def test_a_query_is_asked_as_it_was_written(crm: str) -> None:
    """Neither a colon nor a percent sign is a parameter; citext compares as it does."""
    query = "SELECT id AS customer, ':x' AS name, '2'::text AS language FROM account WHERE id = 'ACME' AND name LIKE '%50 %%'"
    assert fetched(crm, query, PASSWORD)["rows"] == [["Acme", ":x", "2"]]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("DELETE FROM account", "syntax error"),
        ("DELETE FROM account RETURNING id", "syntax error"),
        ("WITH x AS (DELETE FROM account RETURNING id) SELECT * FROM x", "must not contain data-modifying"),
        ("SELECT hire()", "cannot execute INSERT in a read-only transaction"),
        ("SELECT id FROM account; DELETE FROM account", "multiple commands|read-only transaction"),
        ("SELECT id FROM account; COMMIT; DELETE FROM account", "multiple commands|read-only transaction"),
        ("SELECT value FROM secret", "permission denied for table secret"),
        ("SELECT nosuch FROM account", 'column "nosuch" does not exist'),
    ],
)
def test_a_query_only_reads(crm: str, port: int, query: str, sentence: str) -> None:
    """Not even one that ends the transaction changes anything; the database's own words say why."""
    with pytest.raises(StepError, match=f"does not answer the query: .*({sentence})") as refused:
        fetched(crm, query, PASSWORD)
    assert "Nothing was changed" in str(refused.value)
    with connection(port) as database:
        assert database.exec_driver_sql("SELECT count(*) FROM account").scalar() == 2


def test_what_a_query_sets_is_not_left_behind(crm: str, port: int) -> None:
    """A pooler gives the connection to the next, who may have to write."""
    with connection(port) as database:
        assert database.exec_driver_sql("SHOW default_transaction_read_only").scalar() == "off"
    said = fetched(
        crm, "SELECT current_setting('transaction_read_only'), current_setting('statement_timeout')", PASSWORD
    )
    assert said["rows"] == [["on", "4min"]]


def test_a_query_that_takes_too_long(crm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends it: a lock that somebody holds is no reason to wait for ever."""
    monkeypatch.setattr(customer_source, "PATIENCE", 0.2)
    with pytest.raises(StepError, match="canceling statement due to statement timeout"):
        fetched(crm, "SELECT pg_sleep(600)", PASSWORD)


def test_rows_come_one_after_the_other(crm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terabyte is refused after its first megabyte: whoever took it whole would be out of memory, or of patience."""
    monkeypatch.setattr(customer_source, "MOST_BYTES", 1 << 20)
    with pytest.raises(StepError, match="answers more than 1 MiB"):
        fetched(crm, "SELECT repeat('x', 1000), generate_series(1, 1000000000)", PASSWORD)


@pytest.mark.parametrize(
    ("replaced", "sentence"),
    [
        ((READER, "nobody"), "password authentication failed for user"),
        (("/postgres", "/nosuch"), 'database "nosuch" does not exist'),
        (("/postgres", "/postgres?nosuch=1"), "option"),
    ],
)
def test_nobody_gets_in(crm: str, replaced: tuple[str, str], sentence: str) -> None:
    """Another user, another database, an option that the driver does not know: sentences without the password."""
    source = replaced[1].join(crm.rsplit(replaced[0], 1))
    with pytest.raises(StepError, match=sentence) as refused:
        fetched(source, "SELECT 1", PASSWORD)
    assert PASSWORD not in str(refused.value)


def test_a_hundred_thousand_accounts_are_imported(crm: str, tmp_path: Path) -> None:
    """As a person does it, the password in a variable; it is in no word and in no file."""
    query = "SELECT 'c' || n AS customer, 24.0 AS notify_within_hours, 's@c' || n || '.example' AS \"security.email\""
    said = firedoor(tmp_path, "import", crm, "--query", f"{query} FROM generate_series(1, 100000) n", "-o", "json")
    told = json.loads(said)
    assert (told["imported"], told["customers"], told["source"]) == (True, 100_000, crm)
    one = json.loads(firedoor(tmp_path, "show", "c99999", "-o", "json"))
    assert (one["hours"], one["contacts"][0]["address"]) == (24, "s@c99999.example")
    assert PASSWORD not in said
    assert not any(PASSWORD.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_driver_for_other_programs(crm: str) -> None:
    """One that is there, and cannot be used here; another is named."""
    with pytest.raises(StepError, match=r"psycopg_async is a driver for asynchronous programs.*") as refused:
        fetched(re.sub(r"\+\w+:", "+psycopg_async:", crm), "SELECT 1", PASSWORD)
    assert "psycopg[binary]" in str(refused.value)


def test_an_array_is_no_address(crm: str, tmp_path: Path) -> None:
    """A mistake with its row, and nothing is imported."""
    query = "SELECT id AS customer, array[contact, contact] AS \"security.email\" FROM account WHERE id = 'acme'"
    said = firedoor(tmp_path, "import", crm, "--query", query, "-o", "json", code=2)
    [mistake] = json.loads(said)["mistakes"]
    assert mistake["line"] == 1
    assert "is no mail address" in mistake["what"]


def firedoor(home: Path, *arguments: str, code: int = 0) -> str:
    """What `firedoor customers …` says."""
    environment = {"FIREDOOR_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    secret = ("--secret", "env:FIREDOOR_SECRET_CRM") if arguments[0] == "import" else ()
    done = subprocess.run(
        [sys.executable, "-m", "firedoor", "customers", *arguments, *secret],
        cwd=ROOT,
        env=environment | {"FIREDOOR_SECRET_CRM": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout
