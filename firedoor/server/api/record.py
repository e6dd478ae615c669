"""The record: the timeline as it was signed, and the export that others can verify."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.server.api.office import Reader, SettingsOf
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline

ROUTER = APIRouter(prefix="/incidents", tags=["record"])


@ROUTER.get("/{incident}/timeline")
async def timeline(incident: str, who: Reader, settings: SettingsOf) -> list[dict[str, Any]]:
    """The entries of an incident, in order, with the fields that were signed. Needs no Temporal."""
    return await asyncio.to_thread(_entries, incident, settings)


@ROUTER.post(
    "/{incident}/export",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "The bundle: `firedoor verify` checks it."}},
)
async def export_incident(incident: str, who: Reader, settings: SettingsOf, purpose: str = "") -> Response:
    """The bundle of an incident, to be verified offline. The export itself becomes part of the timeline."""
    name, data = await asyncio.to_thread(_bundle, incident, settings, who.responder.principal, purpose)
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Response(data, media_type="application/zip", headers=headers)


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


def _opened(settings: Settings) -> Timeline:
    if not settings.timeline_path.exists():
        raise UsageError("There is no timeline yet.", next="The worker writes it with the first incident.")
    return Timeline.read(settings.timeline_path)
