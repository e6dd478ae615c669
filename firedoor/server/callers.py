"""Who calls the API: the token that is shown, whose it is, and what it may be used for."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from firedoor.config import Settings
from firedoor.errors import RefusedError
from firedoor.incident import Responder
from firedoor.server.oidc import Issuer
from firedoor.server.tokens import PREFIX, Scope, Tokens

EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at the API. `responder` is how incidents know them."""

    responder: Responder
    scopes: frozenset[Scope]


class Callers:
    """Tells who shows a token: one of firedoor's own, or one of the OpenID Connect issuer in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(settings.tokens_path)
        self._issuer = Issuer(settings.oidc) if settings.oidc.issuer else None

    async def known(self, value: SecretStr) -> Caller:
        """Who shows this token.

        Raises `RefusedError` that says, for the log, why nobody is let in by it; `FiredoorError` where it cannot be
        told.
        """
        if not value.get_secret_value():
            raise RefusedError("it shows no token")
        if value.get_secret_value().startswith(f"{PREFIX}_"):
            token = await asyncio.to_thread(self._tokens.find, value)
            if token is None:
                raise RefusedError("it is no token of firedoor, or one that has ended")
            kind, _, name = token.principal.partition(":")
            if kind == "user" and name not in self._settings.people:
                raise RefusedError(f"it is a token of {token.principal}, who is nobody in [people] any more")
            return Caller(self._responder(token.principal, f"token:{token.id}", "token"), frozenset(token.scopes))
        if self._issuer is None:
            raise RefusedError("it is no token of firedoor, and the settings name no [oidc] issuer")
        identity = await self._issuer.identity(value)
        principal = self._settings.principal_of(identity)
        if principal == f"user:{identity}":
            raise RefusedError(f"{identity} is an identity of nobody in [people]")
        return Caller(self._responder(principal, identity, "oidc"), EVERYTHING)

    def _responder(self, principal: str, identity: str, auth: str) -> Responder:
        return Responder(
            principal=principal,
            auth=auth,
            roles=self._settings.roles_of(principal),
            identity=identity,
            groups=self._settings.groups_of(principal),
        )
