"""Third parties' vectors and payloads: read from `FIREDOOR_SHARED`, by default the folder `shared` beside the checkout.

They are not ours to ship. Where the folder is there, every test that reads it runs; elsewhere they are skipped, by name.
"""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("FIREDOOR_SHARED") or Path(__file__).resolve().parents[2] / "shared")

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no vectors and payloads at {SHARED} (FIREDOOR_SHARED)")
