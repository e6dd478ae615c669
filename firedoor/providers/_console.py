"""Providers that have no API for keys: everything but trying the value is done by a person at the console."""

from firedoor.providers._provider import ByApi, ByHand, Kind


def by_console(name: str, title: str, verify: ByApi, *, page: str, link: str) -> Kind:
    """A kind of which only the value can be tried; `page` is where the console has its keys."""
    return Kind(
        name=name,
        title=title,
        inventory=ByHand(steps=f"Look at {page}.", link=link),
        verify=verify,
        revoke=ByHand(steps=f"Delete the {title} {{name}}: {page}.", link=link),
        create=ByHand(steps=f"Create a new {title}, named {{name}}: {page}.", link=link),
        usage=ByHand(steps=f"Look at the use of {{name}} and at the bill: {page}.", link=link),
        replacement="by_hand",
    )
