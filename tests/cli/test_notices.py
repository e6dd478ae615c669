"""`firedoor notices`: what a person sees who looks at a notice before it is sent, or checks one."""

import json
from pathlib import Path

import pytest

from firedoor.cli import notices as verb
from firedoor.config import load
from firedoor.customers.model import Contact, Customer
from firedoor.customers.registry import Registry
from firedoor.errors import Exit, UsageError
from firedoor.notices.composing import Composer
from firedoor.notices.picture import PictureError, chromium, draw_pdf
from firedoor.notices.public import public_copy
from firedoor.notices.specimen import specimen
from firedoor.timeline.checkpoint import create_signer

NOTICE = "provider-keys-exposed"


@pytest.fixture(autouse=True)
def installation(tmp_path: Path) -> None:
    """Settings with a company, and a customer."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "own").mkdir()
    lines = ("[server]", 'public_url = "https://notices.beacon.example"', "[notices]", 'company = "Beacon AI"')
    (home / "firedoor.toml").write_text("\n".join((*lines, f'folder = "{tmp_path / "own"}"')))
    contact = Contact.model_validate({"role": "security", "channel": "email", "address": "a@acme.example"})
    with Registry.open(load().customers_path) as registry:
        customers = (Customer(id="acme", name="Acme", language="de", contacts=(contact,)), Customer(id="mute"))
        registry.replace(customers, source="test", by="user:ada")


def test_list_shows_every_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, version, languages; for a program as well."""
    assert verb.notices("list") == Exit.OK
    assert "secret-disabled" in capsys.readouterr().out
    verb.notices("list", output="json")
    rows = json.loads(capsys.readouterr().out)
    assert {"name": NOTICE, "version": 1, "languages": ["de", "en"]}.items() <= rows[0].items()
    assert [row["version"] for row in rows if row["name"] == NOTICE] == [1, 2]


def test_lint_tells_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What ships has none; a notice of one's own has each of its own, with file and line."""
    assert verb.notices("lint") == Exit.OK
    assert f"✓ {NOTICE}" in capsys.readouterr().out
    folder = tmp_path / "own" / "mine" / "en"
    folder.mkdir(parents=True)
    (folder.parent / "notice.toml").write_text('title = "t"\n')
    (folder / "body.txt").write_text("\n{{ costumer }}")
    assert verb.notices("lint", "mine") == Exit.USAGE
    said = capsys.readouterr().out
    assert f"{folder}/body.txt:2: There is no variable costumer." in said
    assert "mistakes" in said
    assert verb.notices("lint", "mine", output="json") == Exit.USAGE
    assert {"file", "line", "message"} == json.loads(capsys.readouterr().out)[0].keys()


def test_preview_writes_what_is_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For real customers, each in its language; one without a contact, too."""
    verb.notices("preview", NOTICE, customer=("acme", "mute"), html=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{NOTICE}.{id}.{suffix}" for id in ("acme", "mute") for suffix in ("html", "slack.md", "txt")
    ]
    assert "Guten Tag" in (tmp_path / "out" / f"{NOTICE}.acme.txt").read_text()
    assert "Acme: Sicherheitsmeldung von Beacon AI" in capsys.readouterr().out
    verb.notices("preview", NOTICE, customer=("acme",), language="en", reminder=1, output="json")
    assert json.loads(capsys.readouterr().out)[0]["subject"].startswith("Reminder: ")


def test_preview_opens_a_sheet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The browser gets the mail with its address and subject, and the other texts below; where there is none, it says so."""
    opened: list[str] = []

    def nowhere(url: str) -> bool:
        opened.append(url)
        return False

    monkeypatch.setattr("webbrowser.open", nowhere)
    verb.notices("preview", NOTICE)
    page = Path(opened[0].removeprefix("file://")).read_text()
    assert "To: Ada Lind &lt;security@northwind.example&gt;" in page
    assert "Content-Security-Policy" in page
    assert "No browser could be opened" in capsys.readouterr().err
    verb.notices("preview", NOTICE, no_open=True)
    assert len(opened) == 1


def test_preview_says_what_is_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes the example for a customer, or misses that the notice is signed by nobody."""
    (load().home / "firedoor.toml").write_text("")
    verb.notices("preview", NOTICE, no_open=True)
    said = " ".join(capsys.readouterr().err.split())
    assert "Northwind Traders is made up: --customer ID" in said
    assert "set company of [notices]" in said


def test_preview_is_drawn_for_the_lawyers(tmp_path: Path) -> None:
    """A PDF and a PNG with the whole of it."""
    verb.notices("preview", NOTICE, png=tmp_path / "a.png", pdf=tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    picture = (tmp_path / "a.png").read_bytes()
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert width == 720
    assert height > 3000, "all of it, not a screen of it"


def test_picture_without_a_browser_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no Chromium, or it cannot write there, a sentence says what to do."""
    with pytest.raises(PictureError, match="wrote no"):
        draw_pdf("<html><head></head><body>a</body></html>", tmp_path / "nowhere" / "a.pdf")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="needs Chromium"):
        chromium()


@pytest.mark.parametrize(("name", "says"), [("", "Which notice"), ("secret-disable", "no notice")])
def test_preview_of_nothing_is_said(name: str, says: str) -> None:
    """A name that is missing or wrong is answered with those there are."""
    with pytest.raises(UsageError, match=says):
        verb.notices("preview", name)


def test_copy_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A genuine copy is shown; a changed one, another file, no file: not genuine, in a sentence."""
    settings = load()
    row = specimen(settings, NOTICE, 1, 1_777_939_200.0)
    signer = create_signer(settings.signing_key_path, settings.log)
    copy = tmp_path / "copy.txt"
    copy.write_text(public_copy(settings, row, Composer(settings, row), signer, 1_777_939_200.0), encoding="utf-8")
    verb.notices("verify", str(copy))
    shown = capsys.readouterr()
    assert "Company: Beacon AI" in shown.out
    assert "✓ Signed by firedoor.local/timeline" in shown.err
    copy.write_text(copy.read_text(encoding="utf-8").replace("Beacon", "Bacon"), encoding="utf-8")
    with pytest.raises(UsageError, match="is not genuine"):
        verb.notices("verify", str(copy))
    with pytest.raises(UsageError, match="cannot be read"):
        verb.notices("verify", str(tmp_path / "none.txt"))
    with pytest.raises(UsageError, match="no public key"):
        verb.notices("verify", str(copy), key=copy)
    verb.notices("key")
    assert capsys.readouterr().out.startswith("-----BEGIN PUBLIC KEY-----")
    with pytest.raises(UsageError, match="Which copy"):
        verb.notices("verify")
