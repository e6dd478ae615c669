"""Who sits at this command line: the operating-system user, with what the configuration says of them."""

from firedoor.config import Settings, local_identity
from firedoor.incident import Responder


def responder(settings: Settings) -> Responder:
    """The local user as a responder. Good for one machine whose users are told apart by the operating system."""
    identity = local_identity()
    principal = settings.principal_of(identity)
    return Responder(
        principal=principal,
        auth="os",
        roles=settings.roles_of(principal),
        identity=identity,
        groups=settings.groups_of(principal),
    )
