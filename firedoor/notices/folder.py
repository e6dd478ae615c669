"""The folders of notices: a notice by its name and version, whole, as it stands in its files.

```
NOTICE/notice.toml               title, kind, variables
NOTICE/layout.html               optional: what `body.html` of every language and version extends
NOTICE/en/subject.txt …          version 1, one folder a language
NOTICE/v2/en/subject.txt …       version 2; `v2/notice.toml` where it needs other variables
```
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.names import nearest
from firedoor.notices.manifest import LANGUAGE, Manifest, parse_manifest

MANIFEST, LAYOUT = "notice.toml", "layout.html"
SUBJECT, TEXT, HTML, SLACK = "subject.txt", "body.txt", "body.html", "slack.md"
#: What a reader may get: a notice has all of them in each of its languages.
FILES = (SUBJECT, TEXT, HTML, SLACK)
#: No file of a notice is longer: it is a letter.
LONGEST = 200_000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")
_VERSION = re.compile(r"v([1-9]\d{0,3})")
_LANGUAGE = re.compile(LANGUAGE)


@dataclass(frozen=True, slots=True)
class Notice:
    """One version of a notice. `texts` holds `en/body.txt` and the like, and `layout.html` where there is one.

    `folder` is where it was read, for people; empty where it comes out of a campaign that began with it.
    """

    name: str
    version: int
    manifest: Manifest
    texts: Mapping[str, str]
    folder: str = ""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it has, in order of their names."""
        return tuple(sorted({path.partition("/")[0] for path in self.texts if "/" in path}))

    @property
    def sha256(self) -> str:
        """What the texts and the manifest are, in 64 hex digits."""
        return sha256_hex(canonical_bytes(self.kept()))

    def language(self, wanted: str) -> str:
        """The language for a reader: the very one, else its main one, else the notice's own."""
        have = {one.lower(): one for one in self.languages}
        tag = wanted.lower()
        return have.get(tag) or have.get(tag.partition("-")[0]) or self.manifest.language

    def place(self, path: str) -> str:
        """The file of a text, as a person finds it."""
        within = f"v{self.version}/{path}" if self.version > 1 and path not in {MANIFEST, LAYOUT} else path
        return f"{self.folder}/{within}" if self.folder else f"{self.name}/{within}"

    def kept(self) -> dict[str, Any]:
        """The whole notice as JSON: a campaign keeps what it began with, whatever becomes of the folder."""
        manifest = self.manifest.model_dump(mode="json")
        return {"name": self.name, "version": self.version, "manifest": manifest, "texts": dict(self.texts)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Notice":
        """The notice that `kept` gave."""
        manifest = Manifest.model_validate(kept["manifest"])
        return cls(kept["name"], kept["version"], manifest, dict(kept["texts"]))


def shipped() -> Path:
    """The folder of the notices that ship with firedoor."""
    return Path(__file__).resolve().parent


def notices(settings: Settings) -> dict[str, Path]:
    """The folder of every notice by its name. One of your own stands before a shipped one of the same name.

    Raises `UsageError` where `[notices] folder` does not exist.
    """
    found = _folders(shipped())
    if settings.notices.folder:
        own = Path(settings.notices.folder).expanduser()
        if not own.is_dir():
            raise UsageError(
                f"The folder of notices {own} does not exist.", next="Correct `folder` of [notices] in the settings."
            )
        found |= _folders(own)
    return dict(sorted(found.items()))


def versions(folder: Path) -> tuple[int, ...]:
    """The versions of a notice, the oldest first."""
    later = [int(match[1]) for path in folder.iterdir() if path.is_dir() and (match := _VERSION.fullmatch(path.name))]
    return (1, *sorted(number for number in later if number > 1))


def every_notice(settings: Settings) -> list[Notice]:
    """Every version of every notice, by name. Raises `UsageError` for the first that cannot be read."""
    folders = notices(settings).values()
    return [read_notice(folder, version) for folder in folders for version in versions(folder)]


def folder_of(name: str, settings: Settings) -> Path:
    """The folder of a notice. Raises `UsageError`."""
    known = notices(settings)
    if name not in known:
        what = f"There is no notice {name!r}." if name else "Which notice?"
        raise UsageError(what, changed="Nothing was sent.", next=nearest(name, known))
    return known[name]


def load_notice(name: str, version: int, settings: Settings) -> Notice:
    """A notice by name and version. Raises `UsageError` with the file that is missing or cannot be read."""
    return read_notice(folder_of(name, settings), version)


def read_notice(folder: Path, version: int = 1) -> Notice:
    """The notice of a folder, complete or not: what is missing is the lint's to tell. Raises `UsageError`."""
    have = versions(folder)
    if version not in have:
        names = ", ".join(f"v{one}" for one in have)
        raise UsageError(f"The notice {folder.name} has no version {version}; it has {names}.")
    root = folder if version == 1 else folder / f"v{version}"
    about = next(path for path in (root / MANIFEST, folder / MANIFEST) if path.exists() or path.parent == folder)
    manifest = parse_manifest(_read(about, folder), str(about))
    texts = {
        f"{language.name}/{path.name}": _read(path, folder)
        for language in sorted(root.iterdir())
        if language.is_dir() and _LANGUAGE.fullmatch(language.name)
        for path in sorted(language.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }
    if not texts:
        raise UsageError(f"{root} has no folder of a language.", next=f"Make {root}/en with {', '.join(FILES)}.")
    if (folder / LAYOUT).is_file():
        texts[LAYOUT] = _read(folder / LAYOUT, folder)
    return Notice(folder.name, version, manifest, texts, str(folder))


def _folders(parent: Path) -> dict[str, Path]:
    return {path.name: path for path in parent.iterdir() if _NAME.fullmatch(path.name) and (path / MANIFEST).is_file()}


def _read(path: Path, folder: Path) -> str:
    """The text of a file that lies in the notice's folder. Raises `UsageError`."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path} leads out of its notice's folder.", next="Copy the file to where the link stands.")
    try:
        # No more than that, however large the file is.
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {why}.", changed="Nothing was sent.") from None
    if len(text) > LONGEST:
        raise UsageError(f"{path} has more characters than a text of a notice may have: {LONGEST:,}.")
    return text
