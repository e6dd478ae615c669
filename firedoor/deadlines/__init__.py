"""Deadlines: what regimes want (`regimes.toml`, versioned data), and when a clock is due. Not legal advice."""

from firedoor.deadlines.computing import due_of
from firedoor.deadlines.regimes import Regime, Stage, regimes, shipped

__all__ = ["Regime", "Stage", "due_of", "regimes", "shipped"]
