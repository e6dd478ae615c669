"""A notice without a mistake, for tests that put one into it."""

from collections.abc import Callable

from firedoor.notices.folder import Notice

Write = Callable[..., Notice]

MANIFEST = """title = "A notice for tests"

[variables.happened]
description = "What happened"
"""
BODY = "{{ customer.name }}: {{ values.happened }} {{ links.acknowledge }} {{ links.public }}\n"
TEXTS = {
    "notice.toml": MANIFEST,
    "en/subject.txt": "Notice for {{ customer.name }}\n",
    "en/body.txt": BODY,
    "en/body.html": f'<!doctype html><html lang="en"><head><title>t</title></head><body><p>{BODY}</p></body></html>',
    "en/slack.md": BODY,
}
