"""A fake Slack that behaves: Web API, Socket Mode, signed requests, and people who type, press and submit.

`local.LocalSlack` is all of it on loopback. slack_sdk talks to it unmodified, by `base_url`.
"""
