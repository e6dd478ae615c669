"""How a page goes out: rendered from a template of the package, with headers that let nothing else in.

No script, no image, no font, nothing from elsewhere: the one style stands in the page and is named by its hash. What
the address holds (a token) goes into no cache, no index and no Referer.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from firedoor.mailing import Notices
from firedoor.server.pages.phrases import Phrases
from firedoor.server.pages.sheet import company, support

TEMPLATES = Environment(
    loader=PackageLoader("firedoor.server.pages", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
#: The style as it stands in every page.
CSS = TEMPLATES.get_template("page.css").render()
HASH = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#: Of everything below /n and /notices.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page(
    template: str,
    words: Phrases,
    notices: Notices,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    help: bool = False,
    button: str = "",
    **shown: Any,
) -> Response:
    """A page in a language; with `help` it says where to ask in its text, and not at its end."""
    text = TEMPLATES.get_template(template).render(
        words=words, company=company(notices), support=support(notices), help=help, button=button, **shown
    )
    return HTMLResponse(text, status, {**HEADERS, "Content-Language": words.language, **(headers or {})})
