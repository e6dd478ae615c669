"""What strangers try at the doors: each test is an attack that once worked, or nearly did."""

import asyncio
import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor.config import Settings
from firedoor.server import protocol
from firedoor.server.api import turnstile
from firedoor.server.app import create_app
from firedoor.server.log import Bounded
from firedoor.server.site import Site, open_site
from firedoor.server.tokens import Scope, Tokens
from tests.server.conftest import DOORS, NOWHERE, SECRETS, event, signed, stored
from tests.server.sns import Sns
from tests.server.test_serving import Served, request, served  # noqa: F401
