"""Notices are found by name and version, one's own before those that ship."""

from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.notices.folder import LAYOUT, Notice, load_notice, notices, read_notice, shipped, versions
from firedoor.notices.lint import mistakes, mistakes_of
from tests.noticing import Write

SHIPPED = ("provider-keys-exposed", "secret-disabled")


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_has_no_mistake(name: str, settings: Settings) -> None:
    """Every version of every shipped notice is there in both languages and passes the lint, with an escalation too."""
    folder = notices(settings)[name]
    assert mistakes(folder, settings) == []
    for version in versions(folder):
        notice = read_notice(folder, version)
        assert [notice.language(each) for each in ("en", "de")] == ["en", "de"]
        assert mistakes_of(notice, settings, escalates=True) == []


def test_what_ships_is_listed_and_looks_alike(settings: Settings) -> None:
    """There is no other notice, and all have one layout."""
    assert tuple(notices(settings)) == SHIPPED
    assert len({(shipped() / name / LAYOUT).read_text() for name in SHIPPED}) == 1


def test_own_notice_stands_before_a_shipped_one(settings: Settings, write: Write) -> None:
    """Whoever writes a notice with the name of a shipped one means it."""
    write("secret-disabled")
    assert load_notice("secret-disabled", 1, settings).manifest.title == "A notice for tests"


def test_second_version_has_its_own_texts_and_variables(settings: Settings) -> None:
    """Version 2 of a notice asks for what it needs, and is another notice by its hash."""
    first, second = (load_notice("provider-keys-exposed", version, settings) for version in (1, 2))
    assert "corrected" in second.manifest.variables
    assert "corrected" not in first.manifest.variables
    assert first.sha256 != second.sha256


def test_notice_survives_being_kept(settings: Settings) -> None:
    """What a campaign keeps of a notice is the notice, whatever becomes of the folder."""
    notice = load_notice("provider-keys-exposed", 1, settings)
    again = Notice.of(notice.kept())
    assert (again.texts, again.manifest, again.sha256) == (notice.texts, notice.manifest, notice.sha256)


@pytest.mark.parametrize(("wanted", "got"), [("de", "de"), ("DE", "de"), ("de-AT", "de"), ("fr", "en"), ("", "en")])
def test_language_falls_back(wanted: str, got: str, settings: Settings) -> None:
    """A reader gets its own language, else the main one of it, else that of the notice."""
    assert load_notice("provider-keys-exposed", 1, settings).language(wanted) == got


def test_missing_notice_names_the_nearest(settings: Settings) -> None:
    """A name that is slightly wrong is answered with the right one."""
    with pytest.raises(UsageError, match="Did you mean secret-disabled"):
        load_notice("secret-disable", 1, settings)


def test_missing_version_names_those_there_are(settings: Settings) -> None:
    """A version that nobody has written cannot be sent."""
    with pytest.raises(UsageError, match="no version 3; it has v1, v2"):
        load_notice("provider-keys-exposed", 3, settings)


def test_missing_folder_is_said(settings: Settings) -> None:
    """A folder of notices that does not exist is a mistake in the settings."""
    Path(settings.notices.folder).rmdir()
    with pytest.raises(UsageError, match=r"\[notices\]"):
        notices(settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "is not valid TOML"),
        ('titel = "x"', "titel"),
        ('title = "x"\n[variables.Bad-Name]\ndescription="x"', "Bad-Name"),
        ('title = "x"\nkind = "marketing"', "kind"),
    ],
)
def test_manifest_says_what_is_wrong(text: str, says: str, write: Write) -> None:
    """A mistake in notice.toml is told with its file and field."""
    with pytest.raises(UsageError, match=r"notice\.toml") as caught:
        write(notice_toml=text)
    assert says in str(caught.value)


def test_file_may_not_lead_out_of_the_folder(settings: Settings, tmp_path: Path, write: Write) -> None:
    """A link in a notice's folder reads no file of this machine into a letter."""
    notice = write()
    (tmp_path / "private.txt").write_text("canary")
    path = Path(notice.folder) / "en/body.txt"
    path.unlink()
    path.symlink_to(tmp_path / "private.txt")
    with pytest.raises(UsageError, match="leads out of its notice's folder"):
        read_notice(Path(notice.folder))


def test_text_in_another_encoding_is_said(write: Write) -> None:
    """A text that is not UTF-8 is no text."""
    notice = write()
    (Path(notice.folder) / "en/body.txt").write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        read_notice(Path(notice.folder))


def test_folder_without_languages_is_said(write: Write) -> None:
    """A notice without a text says nothing."""
    nothing = dict.fromkeys(("en__subject_txt", "en__body_txt", "en__body_html", "en__slack_md"), "")
    with pytest.raises(UsageError, match="no folder of a language"):
        write(**nothing)
