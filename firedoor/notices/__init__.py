"""Notices: what customers are told. Each is a folder here, or in a folder of your own; the modules read and render it.

`NOTICE/notice.toml` has its title, kind and variables; `NOTICE/en/{subject.txt,body.txt,body.html,slack.md}` are
version 1, one folder a language; `NOTICE/v2/en/…` is version 2, a correction.
"""
