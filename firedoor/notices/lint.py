"""Every mistake of a notice at once, each with its file and line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from firedoor.campaign import Exposure
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.notices.addresses import links, why_not
from firedoor.notices.composing import shared
from firedoor.notices.folder import FILES, HTML, LAYOUT, MANIFEST, SLACK, SUBJECT, TEXT, Notice, read_notice, versions
from firedoor.notices.markup import minded
from firedoor.notices.names import Uses, uses
from firedoor.notices.rendering import NoticeError, Text, forbidden, tree_of
from firedoor.notices.variables import verbatim
from firedoor.providers import providers

#: Longer subjects are cut by most mail programs; Slack shows 3,000 characters of a section.
LONGEST_SUBJECT, LONGEST_SLACK = 120, 3000
#: What every text of a security notice has to have, and why.
_OWED = {
    "links.acknowledge": "the reader cannot acknowledge, or see what is left to do",
    "links.public": "the reader cannot check that the notice is genuine",
}
_SECRETS = (
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"sk-[A-Za-z0-9_-]{20,}",
    r"gh[pousr]_[A-Za-z0-9_]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"xox[a-z]-[A-Za-z0-9-]{10,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
)
#: A shape of a provider that fits these says nothing: a hash, a name.
_HARMLESS = ("0123456789abcdef" * 4, "0123456789abcdef" * 2, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "a" * 40)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake of a notice."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def mistakes(folder: Path, settings: Settings) -> list[Mistake]:
    """Every mistake of every version of the notice in a folder; what cannot be read at all is one of them."""
    found: set[Mistake] = set()
    for version in versions(folder):
        try:
            found.update(mistakes_of(read_notice(folder, version), settings))
        except UsageError as error:
            found.add(Mistake(str(folder / MANIFEST), 1, error.what))
    return sorted(found)


def mistakes_of(notice: Notice, settings: Settings, *, escalates: bool = False) -> list[Mistake]:
    """Every mistake of one version. With `escalates` the reader has to be told when."""
    found: list[Mistake] = list(_files(notice))
    used: dict[str, Uses] = {}
    for path, text in notice.texts.items():
        wrong = list(_written(notice, path, text, settings))
        try:
            tree = tree_of(notice, path)
            used[path] = uses(tree, notice.manifest)
            wrong += [*forbidden(tree, layout=path == LAYOUT), *used[path].wrong]
        except NoticeError as error:
            wrong.append((error.line, error.said))
        found += [Mistake(notice.place(path), line, what) for line, what in wrong]
    if used.keys() == notice.texts.keys():
        found += _unused(notice, used.values())
    found += _owed(notice, used, escalates=escalates)
    if not found:
        # Only what is well written is tried: otherwise the same mistake would be told again in other words.
        found += _tried(notice, settings)
    return sorted(set(found))


def secret_in(text: str) -> str:
    """The beginning of what looks like the value of a secret in a text; empty where nothing does."""
    match = _secrets().search(text)
    return f"{match.group()[:6]}…" if match else ""


@cache
def _secrets() -> re.Pattern[str]:
    shapes = {kind.value_pattern for one in providers().values() for kind in one.kinds if kind.value_pattern}
    told = sorted(shape for shape in shapes if not any(re.search(shape, text) for text in _HARMLESS))
    return re.compile(r"(?<![A-Za-z0-9_-])(?:" + "|".join((*_SECRETS, *(f"(?:{one})" for one in told))) + ")")


def _files(notice: Notice) -> Iterator[Mistake]:
    """Files that are missing, and files that nobody reads."""
    for language in notice.languages:
        for file in FILES:
            if f"{language}/{file}" not in notice.texts:
                yield Mistake(notice.place(f"{language}/{file}"), 1, "The file is missing.")
    for path in notice.texts:
        if path != LAYOUT and path.rpartition("/")[2] not in FILES:
            yield Mistake(notice.place(path), 1, f"It is read by nobody: a language has {', '.join(FILES)}.")
    if notice.manifest.language not in notice.languages:
        what = f"Its own language is {notice.manifest.language}, and it has {', '.join(notice.languages)}."
        yield Mistake(notice.place(MANIFEST), 1, what)


def _written(notice: Notice, path: str, text: str, settings: Settings) -> Iterator[tuple[int, str]]:
    """What may not stand in a text, as it was written."""
    hosts = _hosts(notice, settings)
    for line, link in links(text):
        if why := why_not(link, hosts):
            yield line, why
    for number, one in enumerate(text.splitlines(), 1):
        if secret := secret_in(one):
            yield number, f"{secret} looks like the value of a secret. Revoke it: it stands in a file."
    if path.endswith(".html"):
        yield from minded(text, whole=False)


def _hosts(notice: Notice, settings: Settings) -> frozenset[str]:
    own = (settings.server.public_url, settings.notices.support)
    hosts = {urlsplit(one).hostname or "" for one in own if "://" in one}
    return frozenset({*hosts, *notice.manifest.hosts} - {""})


def _unused(notice: Notice, used: Iterable[Uses]) -> Iterator[Mistake]:
    names = {name for one in used for name in one.names}
    if "values" in names:
        return
    for name in notice.manifest.variables:
        if f"values.{name}" not in names:
            yield Mistake(
                notice.place(MANIFEST), _line_of(notice, name), f"values.{name} is declared, and no text uses it."
            )


def _line_of(notice: Notice, variable: str) -> int:
    path = Path(notice.place(MANIFEST))
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    wanted = re.compile(rf"\s*\[variables\.{variable}\]")
    return next((number for number, line in enumerate(lines, 1) if wanted.match(line)), 1)


def _owed(notice: Notice, used: Mapping[str, Uses], *, escalates: bool) -> Iterator[Mistake]:
    """What the reader has to be told, in each text that may be the only one that they see."""
    owed = dict(_OWED) if notice.manifest.kind == "security" else {}
    if escalates:
        owed["escalates_at"] = "the campaign escalates, and the reader is not told when"
    for path, one in used.items():
        file = path.rpartition("/")[2]
        if file not in {TEXT, HTML, SLACK}:
            continue
        names = one.names | (used[LAYOUT].names if file == HTML and LAYOUT in used else set())
        for name, what in owed.items():
            if name not in names:
                yield Mistake(notice.place(path), 1, f"It does not use {name}: {what}.")


def _tried(notice: Notice, settings: Settings) -> Iterator[Mistake]:
    """Render every text as several readers would get it."""
    for path in (f"{language}/{file}" for language in notice.languages for file in FILES):
        language, _, file = path.partition("/")
        try:
            text = Text(notice, path)
            for variables in _samples(notice, settings, language):
                yield from (Mistake(notice.place(path), 1, what) for what in _too_much(file, text.render(variables)))
        except NoticeError as error:
            yield Mistake(error.place, error.line, error.said)


def _too_much(file: str, text: str) -> Iterator[str]:
    """What is wrong with a rendered text."""
    if not text.strip():
        yield "It is empty."
    if file == SUBJECT and "\n" in text.strip():
        yield "A subject is one line."
    if file == SUBJECT and len(text.strip()) > LONGEST_SUBJECT:
        yield f"The subject has {len(text.strip())} characters; more than {LONGEST_SUBJECT} are cut in most mailboxes."
    if file == SLACK and len(text) > LONGEST_SLACK:
        yield f"It has {len(text):,} characters; Slack takes {LONGEST_SLACK:,}."
    if file == HTML:
        yield from (what for _, what in minded(text, whole=True))


def _samples(notice: Notice, settings: Settings, language: str) -> Iterator[dict[str, Any]]:
    """Readers of several kinds: told for the first time or reminded, with all that can be told or the least of it."""
    most = notice.manifest.samples()
    least = {name: text for name, text in most.items() if not notice.manifest.variables[name].optional}
    sparse = {"name": "", "hint": "", "rotate": "", "where": "", "scope": "", "stored": "", "kind": ""}
    key = {"provider": "openai", "provider_title": "OpenAI", "kind": "user_key", "kind_title": "user key"}
    key |= {"name": "OPENAI_PROD", "scope": "proj_1", "hint": "4f2a", "rotate": "Create one.", "where": "a.example"}
    for values, keys, reminder, escalates in (
        (most, [key | {"stored": "x"}, key | sparse], 0, "2026-05-09 14:00 UTC"),
        (least, [], 0, ""),
        (most, [key | sparse], 2, ""),
    ):
        for exposure in Exposure:
            yield shared(notice, settings, values, language) | {
                "customer": {"id": "acme", "name": "Acme", "cohort": exposure.value, "exposure": exposure.value},
                "contact": {"name": "Ada" if reminder else "", "role": "security"},
                "credentials": keys,
                "incident": {"id": "incident"},
                "links": {"acknowledge": verbatim("https://a.example/n/t"), "public": verbatim("https://a.example/p")},
                "reminder": reminder,
                "escalates_at": escalates,
                "sent_on": "2026-05-05",
            }
