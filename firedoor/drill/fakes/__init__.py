"""Fakes of providers on loopback, for drills and tests: with state, access checks, rate limits, lost replies."""
