"""The door that listens: alerts, Slack and the API over HTTP."""
