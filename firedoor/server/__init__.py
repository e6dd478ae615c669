"""`firedoor serve`: the doors that listen, for alerts, for Slack and for programs."""
