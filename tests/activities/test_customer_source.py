"""Customers from an endpoint and from a database: what is read, and what is not even tried."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from activities import customer_source
from activities.customer_source import answer, fetched
from firedoor.errors import FiredoorError

TOKEN = "canary-token"
BODY = b"customer,name\nacme,Acme\n"


class Door(BaseHTTPRequestHandler):
    """An endpoint that answers by its path."""

    def do_GET(self) -> None:
        """Each path is one way to answer."""
        words = {
            "/redirect": (302, {"Location": "https://evil.example/x"}, b""),
            "/pages": (200, {"Link": '</pages?canary=2>; rel="next"'}, BODY),
            "/pages?canary=2": (200, {"Link": '<?canary=3>; rel="last next"'}, b'[{"id": "globex"}]'),
            "/away": (200, {"Link": '<http://127.0.0.1:9/pages>; rel="next"'}, BODY),
            "/broken": (200, {"Link": '</missing>; rel="next"'}, BODY),
            "/moved": (200, {"Link": '</redirect>; rel="next"'}, BODY),
            "/round": (200, {"Link": '</round/2>; rel="next"'}, BODY),
            "/round/2": (200, {"Link": '</round>; rel="next"'}, BODY),
            "/two": (200, {"Link": '</half>; rel="next"'}, b"customer\n" + b"x" * 2500),
            "/half": (200, {}, b"customer\n" + b"x" * 2500),
            "/missing": (404, {}, b""),
            "/large": (200, {}, b"x" * 5000),
            "/latin": (200, {}, b"customer\nM\xfcller\n"),
        }
        status, headers, body = words.get(self.path, (200, {}, BODY))
        if self.path.startswith(("/customers", "/pages")) and self.headers["Authorization"] != f"Bearer {TOKEN}":
            status = 401
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def door() -> Iterator[str]:
    """Where it listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def crm(tmp_path: Path) -> str:
    """A database of customers."""
    database = sqlite3.connect(tmp_path / "crm.sqlite")
    database.execute("CREATE TABLE account (id TEXT, name TEXT, hours INTEGER)")
    database.execute("INSERT INTO account VALUES ('acme', 'Acme', 24), ('globex', NULL, NULL)")
    database.commit()
    database.close()
    return f"sqlite:///{tmp_path}/crm.sqlite"


def test_an_endpoint_answers_with_its_token(door: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The token is read where its reference says, and is in no answer; nor is a query of the address."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    monkeypatch.setenv("FIREDOOR_SECRET_CRM", TOKEN)
    question = {"source": f"{door}/customers", "secret": "env:FIREDOOR_SECRET_CRM"}
    assert answer(json.dumps(question).encode()) == {"source": f"{door}/customers", "pages": [BODY.decode()]}
    refused = answer(json.dumps({**question, "secret": ""}).encode())["error"]
    assert "refuses us with 401" in refused["what"]
    assert "Nothing was changed" in refused["changed"]
    given = answer(json.dumps({**question, "secret": TOKEN}).encode())["error"]
    assert "must be a reference" in given["what"]
    assert TOKEN not in json.dumps(given)
    assert fetched(f"{door}/x?key=canary", "", "")["source"] == f"{door}/x"


def test_pages_are_followed_with_the_token(door: str) -> None:
    """Each of them, to the last; what stands in their addresses is in no answer."""
    found = fetched(f"{door}/pages", "", TOKEN)
    assert found == {"source": f"{door}/pages", "pages": [BODY.decode(), '[{"id": "globex"}]', BODY.decode()]}
    with pytest.raises(FiredoorError, match="refuses us with 401"):
        fetched(f"{door}/pages", "", "")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/redirect", "redirects to evil.example"),
        ("/away", "names a page at “127.0.0.1” as the next, where no token of it shall go"),
        ("/broken", "Page 2 of http://.*/broken answers 404"),
        ("/moved", "Page 2 of http://.*/moved redirects to evil.example"),
        ("/round", "Page 2 of http://.*/round .* goes round in a circle"),
        ("/two", "Page 2 of http://.*/two answers more than"),
        ("/missing", "answers 404"),
        ("/large", "answers more than"),
        ("/latin", "is no UTF-8 from line 2 on"),
    ],
)
def test_an_answer_that_is_not_all_customers(
    door: str, path: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect, a page, an error, too much, another encoding: nothing of it is imported."""
    monkeypatch.setattr(customer_source, "MOST_BYTES", 4000)
    with pytest.raises(FiredoorError, match=sentence):
        fetched(f"{door}{path}", "", TOKEN)


@pytest.mark.parametrize(
    ("source", "query", "sentence"),
    [
        ("http://crm.example/x", "", "is not https"),
        ("https://u:p@crm.example/x", "", "holds a login"),
        ("https://[crm.example/x", "", "The address is none"),
        ("https://crm.example/x", "SELECT 1", "A query is for a database"),
        ("http://127.0.0.1:9/x", "", "does not answer as it must: ConnectError"),
        ("postgresql+nothing://crm/x", "SELECT 1", "There is no driver for postgresql.nothing here"),
        ("postgresql+nothing://crm/x", "SELECT 1", "psycopg.binary.*or postgresql.pg8000://…: pg8000"),
        ("oracle+nothing://crm/x", "SELECT 1", "see the dialects of SQLAlchemy"),
        ("postgresql+psycopg://u:p@crm/x", "SELECT 1", "holds a password"),
        ("postgresql+psycopg://crm/x?sslpassword=u:p", "SELECT 1", "holds a password"),
        ("sqlite:///nowhere.sqlite", "SELECT 1", "There is no database 'nowhere.sqlite'"),
        ("ftp://crm/x.csv", "", "There is no driver for ftp here"),
        ("crm", "SELECT 1", "This is no file, no https address and no database"),
    ],
)
def test_what_is_not_even_tried(source: str, query: str, sentence: str) -> None:
    """Plain http, logins in addresses, databases that are not there: each its own sentence."""
    with pytest.raises(FiredoorError, match=sentence) as refused:
        fetched(source, query, "")
    assert "u:p" not in str(refused.value)


def test_a_query_answers_rows(crm: str) -> None:
    """Columns and texts; what is null is empty."""
    found = fetched(crm, "SELECT id AS customer, name, hours AS notify_within_hours FROM account ORDER BY id", "")
    assert found == {
        "source": crm,
        "titles": ["customer", "name", "notify_within_hours"],
        "rows": [["acme", "Acme", "24"], ["globex", "", ""]],
    }


def test_what_values_become(crm: str) -> None:
    """Whole numbers without a point, bytes as text as far as they are; no colon and no percent sign is a parameter."""
    found = fetched(crm, "SELECT 24.0, 1.5, x'c3a9ff', ':x', '50% %s', NULL, 9e999", "")
    assert found["rows"] == [["24", "1.5", "é\\xff", ":x", "50% %s", "", "inf"]]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "What shall the database be asked"),
        ("DELETE FROM account", "attempt to write a readonly database"),
        ("DROP TABLE account", "attempt to write a readonly database"),
        ("DELETE FROM account RETURNING id", "attempt to write a readonly database"),
        ("PRAGMA query_only = OFF", "is no SELECT"),
        ("SELECT nosuch FROM account", "does not answer the query: no such column"),
    ],
)
def test_a_query_that_is_none(crm: str, query: str, sentence: str) -> None:
    """The connection only reads: a table that is dropped comes back by no rolling back."""
    with pytest.raises(FiredoorError, match=sentence):
        fetched(crm, query, "")
    assert len(fetched(crm, "SELECT id FROM account", "")["rows"]) == 2
