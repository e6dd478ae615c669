"""Notices: what customers are told, listed and checked. They are previewed where Chromium is: on the terminal."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel

from firedoor.config import Settings
from firedoor.notices.folder import every_notice, folder_of
from firedoor.notices.lint import mistakes
from firedoor.server.api.office import Reader, SettingsOf

ROUTER = APIRouter(prefix="/notices", tags=["notices"])


class NoticeLine(BaseModel):
    """One version of a notice. `kind` is `security` or `informational`."""

    name: str
    version: int
    kind: str
    title: str
    languages: tuple[str, ...]


class NoticeMistake(BaseModel):
    """One mistake of a notice: lines count from 1."""

    file: str
    line: int
    message: str


@ROUTER.get("")
async def list_notices(who: Reader, settings: SettingsOf) -> list[NoticeLine]:
    """Every version of every notice, those that ship with firedoor and your own."""
    return await asyncio.to_thread(_lines, settings)


@ROUTER.get("/{notice}/lint")
async def lint_notice(notice: str, who: Reader, settings: SettingsOf) -> list[NoticeMistake]:
    """Every mistake of every version of a notice, as its files are where the server runs; none, if it can be sent."""
    return await asyncio.to_thread(_mistakes, notice, settings)


def _lines(settings: Settings) -> list[NoticeLine]:
    return [
        NoticeLine(
            name=one.name,
            version=one.version,
            kind=one.manifest.kind,
            title=one.manifest.title,
            languages=one.languages,
        )
        for one in every_notice(settings)
    ]


def _mistakes(notice: str, settings: Settings) -> list[NoticeMistake]:
    found = mistakes(folder_of(notice, settings), settings)
    return [NoticeMistake(file=one.file, line=one.line, message=one.what) for one in found]
