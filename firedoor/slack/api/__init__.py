"""Slack's Web API as firedoor calls it: paced, posted once, its errors in sentences."""
