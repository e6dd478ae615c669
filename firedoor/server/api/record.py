"""The record: the timeline as it was signed, the export that others can verify, and the report with its proof."""

import asyncio
import io
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.report.making import make
from firedoor.server.api.office import Reader, SettingsOf, SiteOf, alone
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline

ROUTER = APIRouter(prefix="/incidents", tags=["record"])
ZIP = "application/zip"
Form = Annotated[Literal["html", "md"], Query(alias="format", description="A page for a browser, or Markdown.")]


@ROUTER.get("/{incident}/timeline")
async def timeline(incident: str, who: Reader, settings: SettingsOf) -> list[dict[str, Any]]:
    """The entries of an incident, in order, with the fields that were signed. Needs no Temporal."""
    return await asyncio.to_thread(_entries, incident, settings)


@ROUTER.post(
    "/{incident}/export",
    response_class=Response,
    responses={200: {"content": {ZIP: {}}, "description": "The bundle: `firedoor verify` checks it."}},
)
async def export_incident(incident: str, who: Reader, settings: SettingsOf, purpose: str = "") -> Response:
    """The bundle of an incident, to be verified offline. The export itself becomes part of the timeline."""
    name, data = await asyncio.to_thread(_bundle, incident, settings, who.responder.principal, purpose)
    return _attached(f"{name}.zip", data)


@ROUTER.post(
    "/{incident}/report",
    response_class=Response,
    responses={200: {"content": {ZIP: {}}, "description": "INCIDENT.html or .md, and INCIDENT.zip, which proves it."}},
)
async def report_incident(incident: str, who: Reader, site: SiteOf, form: Form = "html") -> Response:
    """The report of an incident for people who were not there, and the bundle that proves it, packed together.

    The bundle is an export, and as such becomes part of the timeline. Needs no Temporal.
    """
    name, data = await alone(site, _report, incident, site.settings, who.responder.principal, form)
    return _attached(f"{name}.report.zip", data)


def _attached(name: str, data: bytes) -> Response:
    return Response(data, media_type=ZIP, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _entries(incident: str, settings: Settings) -> list[dict[str, Any]]:
    with _opened(settings) as store:
        return [dict(stored.entry.fields) for stored in store.entries(store.find(incident))]


def _bundle(incident: str, settings: Settings, principal: str, purpose: str) -> tuple[str, bytes]:
    with _opened(settings) as reading:
        name = reading.find(incident)
    with (
        tempfile.TemporaryDirectory() as folder,
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as store,
    ):
        written = export(store, name, Path(folder) / "export.zip", principal, purpose)
        return name, written.path.read_bytes()


def _report(incident: str, settings: Settings, principal: str, form: str) -> tuple[str, bytes]:
    with _opened(settings) as reading:
        name = reading.find(incident)
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        made = make(settings, name, Path(folder) / f"{name}.{form}", principal)
        for path in (made.path, made.bundle):
            archive.write(path, path.name)
    return name, packed.getvalue()


def _opened(settings: Settings) -> Timeline:
    if not settings.timeline_path.exists():
        raise UsageError("There is no timeline yet.", next="The worker writes it with the first incident.")
    return Timeline.read(settings.timeline_path)
