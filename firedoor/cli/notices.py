"""`firedoor notices`: what customers are told, looked at before it is sent, and checked after."""

import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.config import Settings, load
from firedoor.customers.model import Customer
from firedoor.customers.registry import Registry
from firedoor.errors import Exit, UsageError
from firedoor.notices import folder
from firedoor.notices.composing import Composer
from firedoor.notices.lint import Mistake, mistakes
from firedoor.notices.picture import draw_pdf, draw_png, sheet
from firedoor.notices.public import public_key, verified_copy
from firedoor.notices.rendered import Rendered
from firedoor.notices.specimen import SOMEBODY, shown_to, specimen
from firedoor.plain import plain
from firedoor.recipient import Recipient
from firedoor.timeline.checkpoint import CheckpointError, Verifier

Task = Annotated[
    Literal["list", "lint", "preview", "verify", "key"],
    Parameter(
        help=(
            "list: all of them. lint: every mistake. preview: as customers get it. verify: is a public copy genuine? "
            "key: the public key as PEM, to be published."
        ),
        show_choices=False,
    ),
]
Name = Annotated[str, Parameter(help="The notice; of verify: the file of the public copy.")]
Customers = Annotated[
    tuple[str, ...],
    Parameter(name="--customer", negative="", help="Of preview: a customer of the registry. Repeatable."),
]
Language = Annotated[str, Parameter(help="Of preview: in this language instead of the customer's own.")]
Version = Annotated[int, Parameter(name="--notice-version", help="Of preview: the version; 1 unless you say so.")]
Reminder = Annotated[int, Parameter(help="Of preview: the reminder of that number.")]
Png = Annotated[Path | None, Parameter(name="--png", help="Of preview: draw it into this file.")]
Pdf = Annotated[Path | None, Parameter(name="--pdf", help="Of preview: print it into this file.")]
Html = Annotated[
    Path | None, Parameter(name="--html", help="Of preview: write the texts, as they are sent, into this folder.")
]
NoOpen = Annotated[bool, Parameter(name="--no-open", negative="", help="Of preview: do not show it in the browser.")]
Key = Annotated[Path | None, Parameter(name="--key", help="Of verify: the file of the public key. Default: our own.")]


def notices(
    task: Task,
    name: Name = "",
    /,
    *,
    customer: Customers = (),
    language: Language = "",
    notice_version: Version = 1,
    reminder: Reminder = 0,
    png: Png = None,
    pdf: Pdf = None,
    html: Html = None,
    no_open: NoOpen = False,
    key: Key = None,
    output: Output = "text",
) -> int:
    """Look at the notices that campaigns send, before they are sent.

    A preview is rendered by what sends the notice, with the sample values of
    notice.toml: for customers of the registry, or for one who is made up. It
    sends nothing. PNG and PDF, for the lawyers, need Chromium on this machine;
    nothing is loaded from elsewhere. Exit code of lint: 2 when there is a mistake.

    Examples
      firedoor notices lint
      firedoor notices preview provider-keys-exposed --customer acme
      firedoor notices preview provider-keys-exposed --language de --pdf notice.pdf
      firedoor notices verify copy.txt --key beacon.pub
    """
    settings = load()
    if task == "list":
        _list(settings, output)
    elif task == "lint":
        return _lint(settings, name, output)
    elif task == "verify":
        _verify(name, _key(settings, key))
    elif task == "key":
        sys.stdout.write(public_key(_key(settings, key)))
    else:
        composer = Composer(settings, specimen(settings, name, notice_version, time.time()))
        pages = [(one, composer.compose(one, one.ways[0], reminder)) for one in _readers(settings, customer, language)]
        if output == "json":
            write_json([{"customer": one.customer, **_texts(rendered)} for one, rendered in pages])
        elif html:
            _write(html, name, pages)
        elif png or pdf:
            _draw(pages, png, pdf)
        else:
            _show(pages, open_it=not no_open)
    return int(Exit.OK)


def _list(settings: Settings, output: str) -> None:
    found = folder.every_notice(settings)
    if output == "json":
        rows = [{"name": one.name, "version": one.version, "title": one.manifest.title} for one in found]
        write_json([row | {"languages": one.languages} for row, one in zip(rows, found, strict=True)])
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("notice", "version", "kind", "languages", "title", "where"):
        table.add_column(title, overflow="fold")
    for one in found:
        where = "ships with firedoor" if Path(one.folder).parent == folder.shipped() else one.folder
        words = (one.name, str(one.version), one.manifest.kind, ", ".join(one.languages), one.manifest.title, where)
        table.add_row(*(Text(plain(word)) for word in words))
    out().print(table)


def _lint(settings: Settings, name: str, output: str) -> int:
    chosen = {name: folder.folder_of(name, settings)} if name else folder.notices(settings)
    found: list[Mistake] = []
    for path in chosen.values():
        found += mistakes(path, settings)
    if output == "json":
        write_json([{"file": one.file, "line": one.line, "message": one.what} for one in found])
    elif found:
        sys.stdout.write("".join(plain(f"{one}\n") for one in found))
        out().print(f"\n✗ {len(found)} {'mistake' if len(found) == 1 else 'mistakes'}", style="bold red")
    else:
        out().print("\n".join(f"✓ {one}" for one in chosen))
    return int(Exit.USAGE if found else Exit.OK)


def _key(settings: Settings, key: Path | None) -> Verifier:
    path = key or settings.signing_key_path.with_name(settings.signing_key_path.name + ".pub")
    try:
        return Verifier.parse(_read(path))
    except CheckpointError as error:
        raise UsageError(f"{path} is no public key of a timeline: {error}.") from None


def _verify(name: str, verifier: Verifier) -> None:
    if not name:
        raise UsageError("Which copy?", next="Usage: firedoor notices verify FILE --key FILE")
    try:
        text = verified_copy(_read(Path(name)), verifier)
    except CheckpointError as error:
        raise UsageError(
            f"{name} is not genuine, or that is not the key of its sender: {error}.",
            next="Do not trust it. Get the key anew, by a way that does not come from the message.",
        ) from None
    sys.stdout.write(plain(text))
    err().print(f"\n✓ Signed by {verifier.name} with the key {verifier.id.hex()}.", style="green")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {why}.") from None


def _readers(settings: Settings, ids: tuple[str, ...], language: str) -> list[Recipient]:
    """Whom it is shown to. Somebody without any contact sees it as well: by nobody's address."""
    _say_what_is_made_up(settings, ids)
    readers = [shown_to(one) for one in _customers(settings, ids)]
    readers = [one if one.ways else replace(one, ways=shown_to(SOMEBODY).ways) for one in readers]
    return [replace(one, language=language) for one in readers] if language else readers


def _customers(settings: Settings, ids: tuple[str, ...]) -> Iterator[Customer]:
    if not ids:
        yield SOMEBODY
        return
    with Registry.open(settings.customers_path) as registry:
        for id in ids:
            yield registry.customer(id)


def _say_what_is_made_up(settings: Settings, ids: tuple[str, ...]) -> None:
    """So that nobody takes a preview for what a customer would get."""
    if not ids:
        err().print(f"{SOMEBODY.name} is made up: --customer ID shows what a real one would get.", style="yellow")
    if not settings.notices.company:
        nobody = "The notice is signed by nobody, and no campaign would send it: set company of [notices]."
        err().print(nobody, style="yellow", markup=False)


def _texts(rendered: Rendered) -> dict[str, str]:
    return {"subject": rendered.subject, "text": rendered.text, "html": rendered.html, "slack": rendered.slack}


def _write(target: Path, name: str, pages: list[tuple[Recipient, Rendered]]) -> None:
    for one, rendered in pages:
        for suffix, text in (("txt", rendered.text), ("html", rendered.html), ("slack.md", rendered.slack)):
            path = target / f"{name}.{one.customer}.{suffix}"
            try:
                target.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
        _tell(one, rendered, target / f"{name}.{one.customer}.html")


def _draw(pages: list[tuple[Recipient, Rendered]], png: Path | None, pdf: Path | None) -> None:
    for number, (one, rendered) in enumerate(pages):
        page = sheet(rendered, _to(one))
        for path, draw in ((png, draw_png), (pdf, draw_pdf)):
            if path is None:
                continue
            # The first has the name that was given; the others are told apart by their customers.
            own = path if number == 0 else path.with_name(f"{path.stem}.{one.customer}{path.suffix}")
            draw(page, own)
            _tell(one, rendered, own)


def _show(pages: list[tuple[Recipient, Rendered]], *, open_it: bool) -> None:
    target = Path(tempfile.mkdtemp(prefix="firedoor-notice-"))
    for one, rendered in pages:
        path = target / f"{one.customer}.html"
        path.write_text(sheet(rendered, _to(one)), encoding="utf-8")
        _tell(one, rendered, path)
        if open_it and not webbrowser.open(path.as_uri()):
            err().print("No browser could be opened: open the file yourself, or use --pdf FILE.", style="yellow")


def _tell(one: Recipient, rendered: Rendered, path: Path) -> None:
    out().print(plain(f"{one.name}: {rendered.subject}"), style="bold")
    out().print(f"  {path}")


def _to(one: Recipient) -> str:
    way = one.ways[0]
    return f"{way.name} <{way.address}>" if way.name else way.address
