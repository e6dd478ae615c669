"""The JSON API under /api/v1: what the command line can do, for programs and other machines.

Every call shows a token (`Authorization: Bearer …`). `/api/v1/openapi.json` describes it all.
"""

from firedoor.server.api.app import document, mount

__all__ = ["document", "mount"]
