"""`ask`: the form that people fill in. A secret in it says whose it is and where it goes."""

from firedoor.compiler.checker import Checker, Place
from firedoor.compiler.kinds import DYN, SECRET, STRING
from firedoor.errors import StepError
from firedoor.expressions import TEMPLATE
from firedoor.plan import Ask, Field
from firedoor.providers import providers
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Path
from firedoor.runbook.model import AskField, AskSpec
from firedoor.sinks import place

#: What every answer has besides the fields of the form.
TAKEN = ("by", "state")
#: What only a secret has; the first two it must have.
OF_SECRETS = ("provider", "into", "kind", "scope")
NEEDED = ("provider", "into")
SINK_HINT = "aws-sm:NAME, vault:MOUNT/PATH?field=NAME, …"


def plan_ask(spec: AskSpec, path: Path, checker: Checker) -> tuple[Ask, set[str]]:
    """The question, and the names that it reads. `path` is that of `ask`; mistakes are noted in the document."""
    names = checker.template(spec.prompt, (*path, "prompt"))
    for name, field in spec.fields.items():
        names |= _Form(checker, (*path, "fields", name)).check(name, field)
    fields = {
        name: Field(
            type=one.type,
            description=one.description,
            required=one.required,
            choices=tuple(one.choices),
            provider=one.provider.strip(),
            into=tuple(text.strip() for text in one.into),
            kind=one.kind,
            scope=one.scope,
        )
        for name, one in spec.fields.items()
    }
    return Ask(prompt=spec.prompt, of=spec.of, fields=fields), names


class _Form:
    """One field of the form, at its place."""

    def __init__(self, checker: Checker, path: Path) -> None:
        self.checker, self.path, self.document = checker, path, checker.document

    def check(self, name: str, field: AskField) -> set[str]:
        self.checker.plain(field.description, (*self.path, "description"))
        if field.choices and field.type != "string":
            self.document.add(Code.MISPLACED_KEY, (*self.path, "choices"), "Only a string has choices.", key=True)
        if name in TAKEN:
            what = f"`{name}` is taken: every answer has it."
            self.document.add(Code.BAD_NAME, self.path, what, "any other name", key=True)
        if field.type == "secret":
            return self._secret(field)
        for key in OF_SECRETS:
            if key in field.model_fields_set:
                what = f"Only a secret has `{key}`."
                self.document.add(Code.MISPLACED_KEY, (*self.path, key), what, "type: secret", key=True)
        return set()

    def _secret(self, field: AskField) -> set[str]:
        for key in NEEDED:
            if not getattr(field, key):
                what = f"A secret needs `{key}`: {'whose credential it is' if key == 'provider' else 'where it goes'}."
                hint = "provider: anthropic" if key == "provider" else "into: ['aws-sm:NAME']"
                self.document.add(Code.MISSING_KEY, self.path, what, hint, key=True)
        names = self.checker.template(field.provider, (*self.path, "provider"))
        names |= self.checker.template(field.scope, (*self.path, "scope"))
        self.checker.plain(field.kind, (*self.path, "kind"))
        self._check_provider(field)
        for number, text in enumerate(field.into):
            names |= self._check_place(text, (*self.path, "into", number))
        return names

    def _check_provider(self, field: AskField) -> None:
        if not field.provider or "${{" in field.provider:
            return
        provider = providers().get(field.provider.strip())
        if provider is None:
            what = f"There is no provider `{field.provider}`."
            self.document.add(Code.BAD_VALUE, (*self.path, "provider"), what, choices(field.provider, providers()))
            return
        kinds = [one.name for one in provider.kinds]
        if field.kind and field.kind not in kinds:
            what = f"{provider.title} has no credentials of the kind `{field.kind}`."
            self.document.add(Code.BAD_VALUE, (*self.path, "kind"), what, choices(field.kind, kinds))

    def _check_place(self, text: str, path: Path) -> set[str]:
        whole = TEMPLATE.fullmatch(text.strip())
        if whole is None and "${{" in text:
            return self.checker.template(text, path)
        if whole is None:
            try:
                place(text.strip())
            except StepError as error:
                self.document.add(Code.BAD_VALUE, path, error.what, SINK_HINT)
            return set()
        source = whole.group(1)
        start = text.index("${{") + 3 + len(source) - len(source.lstrip())
        typed = self.checker.check(source.strip(), Place(path, start))
        if typed is None:
            return set()
        # A list of places stands for all its members.
        kind = typed.kind.members[0] if typed.kind.name == "LIST" else typed.kind
        if kind.name not in {STRING.name, SECRET.name, DYN.name}:
            what = f"This is {typed.kind.words()}; `into` takes places, as texts."
            span = self.document.within(path, start, start + len(source.strip()))
            self.document.add(Code.WRONG_ARGUMENT, span, what, SINK_HINT)
        return set(typed.names)
