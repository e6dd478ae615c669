"""A notice on paper: one page with what a reader gets by mail and by Slack, drawn by a Chromium of this machine.

Nothing is fetched for it: the page forbids it, and the browser has no way out.
"""

import html
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from firedoor.errors import FiredoorError, UsageError
from firedoor.notices.rendered import Rendered

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Seconds for one picture.
PATIENCE = 60.0
#: Pixels: a page as wide as a mail on a desk. Nothing is higher than the most.
WIDTH, HIGHEST = 720, 16_000
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    # No name is found, and whatever needs none goes to a port at which nobody is.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_HEIGHT = re.compile(r'data-height="(\d{1,6})"')
_STYLE = (
    "font:14px/1.5 system-ui,sans-serif;color:#1c2733;background:#fff;max-width:600px;margin:0 auto;padding:16px 32px;"
    "white-space:pre-wrap;overflow-wrap:anywhere"
)


class PictureError(FiredoorError):
    """The browser drew nothing."""

    reason = "picture"


def sheet(rendered: Rendered, to: str) -> str:
    """The mail as it is, with its address and subject above, and the texts of the other forms below."""
    head = f"<div style='{_STYLE}'>To: {html.escape(to)}\nSubject: <b>{html.escape(rendered.subject)}</b></div>"
    rest = "".join(
        f"<div style='{_STYLE}'><b>{title}</b>\n\n{html.escape(text)}</div>"
        for title, text in (("The same mail as plain text", rendered.text), ("The same in Slack", rendered.slack))
    )
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    page = re.sub(r"(<head[^>]*>)", lambda found: found[1] + policy, rendered.html, count=1)
    page = re.sub(r"(<body[^>]*>)", lambda found: found[1] + head, page, count=1)
    before, end, after = page.rpartition("</body>")
    return f"{before}{rest}{end}{after}" if end else page + rest


def chromium() -> str:
    """The browser of this machine. Raises `UsageError` where there is none."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise UsageError(
            "A picture needs Chromium, and there is none on PATH.",
            changed="Nothing was drawn.",
            next="Install it (Debian: apt-get install --no-install-recommends chromium), or use --html DIR.",
        )
    return found


def draw_pdf(page: str, path: Path) -> None:
    """The page as a PDF. Raises `UsageError`, `PictureError`."""
    with tempfile.TemporaryDirectory() as folder:
        source = _written(Path(folder), page)
        _run(Path(folder), "--no-pdf-header-footer", f"--print-to-pdf={path.absolute()}", source)
    _check(path)


def draw_png(page: str, path: Path) -> None:
    """All of the page as a PNG. Raises `UsageError`, `PictureError`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = f"--window-size={WIDTH},{_height(folder, page)}"
        _run(folder, size, f"--screenshot={path.absolute()}", _written(folder, page))
    _check(path)


def _height(folder: Path, page: str) -> int:
    """How high it is at that width. Only this copy of the page may run something, and only what is written here."""
    nonce = secrets.token_hex(8)
    measure = "document.documentElement.dataset.height = document.documentElement.scrollHeight"
    allowed = page.replace(_POLICY, f"{_POLICY}; script-src 'nonce-{nonce}'", 1)
    before, end, after = allowed.rpartition("</body>")
    copy = f'{before}<script nonce="{nonce}">{measure}</script>{end}{after}'
    shown = _run(folder, f"--window-size={WIDTH},600", "--dump-dom", _written(folder, copy))
    found = _HEIGHT.search(shown)
    return min(int(found[1]), HIGHEST) if found else HIGHEST // 4


def _written(folder: Path, page: str) -> str:
    path = folder / "notice.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


def _run(folder: Path, *arguments: str) -> str:
    """What the browser prints. Raises `PictureError`."""
    # Its own sandbox does not work for root, who has no need of one to read a file of ours.
    root: Sequence[str] = ("--no-sandbox",) if os.geteuid() == 0 else ()
    command = (chromium(), *_FLAGS, *root, f"--user-data-dir={folder / 'profile'}", *arguments)
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        raise PictureError(f"Chromium took longer than {PATIENCE:.0f} s.", changed="Nothing was drawn.") from None
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode(errors="replace").strip() if isinstance(error, subprocess.CalledProcessError) else ""
        last = said.splitlines()[-1] if said else str(error)
        raise PictureError(f"Chromium did not draw it: {last}", changed="Nothing was drawn.") from None
    return done.stdout.decode(errors="replace")


def _check(path: Path) -> None:
    if not path.is_file():
        raise PictureError(
            f"Chromium wrote no {path}.",
            changed="Nothing was drawn.",
            next="May it write there? --html DIR needs none.",
        )
