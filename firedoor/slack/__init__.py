"""The chat door: start, watch, approve and steer incidents from Slack."""
