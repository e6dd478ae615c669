"""What an intruder may have left in an account: IAM's own lists, and CloudTrail for who did it and for the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from activities._action import Context, performs
from activities.aws.account_listing import Role, User, moment, roles, users
from activities.aws.accounts import Service, timestamp
from activities.aws.denied import Document
from activities.aws.principals import principal_of
from activities.aws.trail_changes import HOME, Changes, Done
from firedoor.incident import Evidence, Outcome
from firedoor.steps.aws_iam_account import Finding, FindPersistence, MadeKey, Persistence
from firedoor.words import plural

MAX_LISTED = 1000
#: A user's other credentials: the list, its member, the id and the date in it, and the operation that makes one.
OTHERS = (
    (
        "ListServiceSpecificCredentials",
        "ServiceSpecificCredentials",
        "ServiceSpecificCredentialId",
        "CreateDate",
        "iam:CreateServiceSpecificCredential",
    ),
    ("ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId", "UploadDate", "iam:UploadSSHPublicKey"),
    ("ListSigningCertificates", "Certificates", "CertificateId", "UploadDate", "iam:UploadSigningCertificate"),
)


@dataclass(slots=True)
class Search:
    """What has been found in one account."""

    iam: Service
    account: str
    since: str
    changes: Changes
    findings: list[Finding] = field(default_factory=list)
    keys: list[MadeKey] = field(default_factory=list)
    principals: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    service_users: list[str] = field(default_factory=list)
    outsiders: list[str] = field(default_factory=list)
    #: What of CloudTrail stands among the findings already.
    told: set[Done] = field(default_factory=set)

    def user(self, user: User) -> None:
        """A user and its credentials."""
        if user.created >= self.since:
            self.principals.append(user.arn)
            self._made("user", user.arn, user.created, "iam:CreateUser", name=user.name)
        if user.password_made >= self.since:
            self.passwords.append(user.name)
            self._made("console_password", user.arn, user.password_made, "iam:CreateLoginProfile", name=user.name)
        for key in user.keys:
            self._key(user, key)
        self._others(user)

    def role(self, role: Role) -> None:
        """A role that was made, or that lets an outsider in."""
        if not role.reachable:
            return
        made = role.created >= self.since
        if made:
            self.principals.append(role.arn)
            self._made("role", role.arn, role.created, "iam:CreateRole", name=role.name)
        trusted = sorted(set(_outsiders(role.trust, self.account)))
        if trusted:
            self.outsiders.append(role.arn)
            changed = self._done("iam:UpdateAssumeRolePolicy", role.name)
            at = changed.at if changed else role.created if made else ""
            self._find("trust", role.arn, at, changed, f"lets in {', '.join(trusted)}")

    def providers(self) -> None:
        """SAML and OIDC providers made since the moment."""
        saml, _ = self.iam.pages("ListSAMLProviders", "SAMLProviderList")
        for one in saml:
            self._provider(one["Arn"], timestamp(one.get("CreateDate")), "iam:CreateSAMLProvider")
        oidc, _ = self.iam.pages("ListOpenIDConnectProviders", "OpenIDConnectProviderList")
        for one in oidc:
            found = self.iam.optional("GetOpenIDConnectProvider", OpenIDConnectProviderArn=one["Arn"])
            made = timestamp(found.get("CreateDate")) if found else ""
            self._provider(one["Arn"], made, "iam:CreateOpenIDConnectProvider")

    def trail(self) -> None:
        """What CloudTrail tells of the rest: all that is not among IAM's findings already."""
        for done in self.changes.done:
            if done not in self.told:
                self._find(done.event, ", ".join(done.names[:3]), done.at, done, f"in {done.region}")

    def result(self, regions: tuple[str, ...]) -> Persistence:
        """All of it, the oldest first."""
        return Persistence(
            account=self.account,
            findings=tuple(sorted(self.findings, key=lambda one: one.at)[-MAX_LISTED:]),
            access_keys=tuple(self.keys),
            principals=tuple(self.principals),
            passwords=tuple(self.passwords),
            service_users=tuple(self.service_users),
            outsiders=tuple(self.outsiders),
            searched_regions=regions,
            complete=self.changes.complete and len(self.findings) <= MAX_LISTED,
        )

    def _key(self, user: User, key: dict[str, Any]) -> None:
        created = timestamp(key["CreateDate"])
        if created < self.since:
            return
        identifier = key["AccessKeyId"]
        by = self._made(
            "access_key", identifier, created, "iam:CreateAccessKey", name=identifier, says=f"of {user.arn}"
        )
        if key["Status"] == "Active":
            self.keys.append(
                MadeKey(access_key_id=identifier, user_name=user.name, account=self.account, created=created, by=by)
            )

    def _others(self, user: User) -> None:
        for listing, member, id_field, date, operation in OTHERS:
            listed, _ = self.iam.pages(listing, member, UserName=user.name)
            for one in listed:
                made = timestamp(one[date])
                if made >= self.since:
                    self.service_users.append(user.name)
                    what = one.get("ServiceName", member)
                    self._made(
                        "service_credential",
                        one[id_field],
                        made,
                        operation,
                        name=one[id_field],
                        says=f"{what}, of {user.arn}",
                    )
        self.service_users = list(dict.fromkeys(self.service_users))

    def _provider(self, arn: str, made: str, operation: str) -> None:
        if made >= self.since:
            self._made("provider", arn, made, operation, name=arn, says="whom it vouches for may assume roles")

    def _made(self, kind: str, resource: str, at: str, operation: str, *, name: str, says: str = "") -> str:
        """List what was made; returns who made it, where CloudTrail tells."""
        done = self._done(operation, name)
        self._find(kind, resource, at, done, says)
        return done.by if done else ""

    def _done(self, operation: str, name: str) -> Done | None:
        """The change of CloudTrail that a finding of IAM's is."""
        done = self.changes.by(operation, name)
        if done:
            self.told.add(done)
        return done

    def _find(self, kind: str, resource: str, at: str, done: Done | None, says: str) -> None:
        by, key = (done.by, done.access_key_id) if done else ("", "")
        self.findings.append(Finding(kind=kind, resource=resource, at=at, by=by, access_key_id=key, says=says))


@performs(FindPersistence)
def find_persistence(step: FindPersistence, context: Context) -> Outcome:
    """cloudtrail:LookupEvents by the names of operations, then IAM's lists of users, roles and providers."""
    account = step.account or context.aws.identity().account
    iam = context.aws.service("iam", account)
    regions = tuple(dict.fromkeys((*(step.regions or context.aws.cloudtrail_regions), HOME)))
    changes = Changes(context.aws, account, moment(step.since), step.max_pages)
    changes.search(regions)
    search = Search(iam, account, step.since, changes)
    own = context.aws.own_principals()
    for user in users(iam):
        if principal_of(user.arn) not in own:
            search.user(user)
    for role in roles(iam):
        if principal_of(role.arn) not in own:
            search.role(role)
    search.providers()
    search.trail()
    found = search.result(regions)
    summary = _summary(found, step.since, changes.own)
    evidence = changes.last.evidence(summary) if changes.last else Evidence(source="iam:ListUsers", says=summary)
    return Outcome(summary=summary, result=found.model_dump(mode="json"), evidence=(evidence,))


def _outsiders(trust: Document, account: str) -> Iterator[str]:
    """Whom a trust policy lets in from outside the account: other accounts, identity providers, anybody."""
    statements = trust.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal", {})
        if principal == "*":
            yield "anybody"
            continue
        yield from _several(principal.get("Federated", ()))
        for arn in _several(principal.get("AWS", ())):
            if arn == "*":
                yield "anybody"
            elif account not in arn:
                yield arn


def _several(value: str | Iterable[str]) -> Iterable[str]:
    return [value] if isinstance(value, str) else value


def _summary(found: Persistence, since: str, own: int) -> str:
    counts = (
        f"Since {since}, in account {found.account}: {plural(len(found.access_keys), 'active access keys')}, "
        f"{len(found.principals)} users and roles, {plural(len(found.passwords), 'console passwords')}, and "
        f"{plural(len(found.findings), 'findings')} in all; roles that let outsiders in: {len(found.outsiders)}."
    )
    parts = [counts, f"Left out is what firedoor did itself: {plural(own, 'changes')}." if own else ""]
    parts.append("CloudTrail delivers some minutes late, so look again.")
    if not found.complete:
        parts.append("A limit was met: there may be more.")
    return " ".join(part for part in parts if part)
