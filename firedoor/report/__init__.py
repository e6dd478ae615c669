"""The report of an incident, for people who were not there: what happened, what was done, and what proves it.

Made of the timeline and of the outbox, and of nothing else: `contents` says what is in it, `page` and `markdown` how
it looks.
"""
