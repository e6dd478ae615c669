"""Campaigns: prepare, send, follow, remind. The rows are in `firedoor.outbox`, the ways to people in `transports`."""
