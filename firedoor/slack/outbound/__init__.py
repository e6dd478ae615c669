"""What Slack is told of incidents: a channel, one message and its thread, kept as the incident stands."""
