"""Who sits at this command line: the operating-system user, with the roles that the configuration gives."""

from firedoor.config import Settings, local_user
from firedoor.incident import Responder


def responder(settings: Settings) -> Responder:
    """The local user as a responder. Good for one machine whose users are told apart by the operating system."""
    principal = local_user()
    return Responder(principal=principal, auth="os", roles=settings.roles_of(principal))
