"""Rehearsals: a scenario on emulators, the real engine, and a proof at the end."""
