"""The one door to Temporal: start an incident, look at it, act on it, take it back."""

from firedoor.engine.connection import connect
from firedoor.engine.incidents import Engine, Started
from firedoor.engine.reading import read
from firedoor.engine.summaries import Summary

__all__ = ["Engine", "Started", "Summary", "connect", "read"]
