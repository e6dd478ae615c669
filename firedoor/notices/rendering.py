"""A notice's texts as templates: compiled once, rendered for each reader. Jinja2, as little of it as a letter needs.

Values, conditions, loops and a layout; no calls, macros, includes or text made of text. So a template can do
nothing but write, and what it writes is counted: it ends, however it is written.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext, new_context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from firedoor.errors import FiredoorError
from firedoor.names import nearest
from firedoor.notices.folder import HTML, LAYOUT, LONGEST, SLACK, Notice
from firedoor.words import full_stop

#: Seconds and characters that one text may take.
PATIENCE, MOST = 2.0, LONGEST
LATE = f"It took longer than {PATIENCE:g} s."
#: Loops within loops; everything within everything.
DEEPEST, DEEPEST_NODE = 2, 50
#: A filter around what each loop goes over, and the variable with its end: names that no text can write.
_COUNTED, _UNTIL = "of a loop", "end of a text"
#: Parts of a text, each one value or what stands between two, after which is looked at how long it has become.
STRIDE = 64
FILTERS = frozenset(
    [
        *("capitalize", "count", "d", "default", "e", "escape", "first", "groupby", "int", "join", "last", "length"),
        *("list", "lower", "reject", "rejectattr", "select", "selectattr", "sort", "title", "trim", "unique", "upper"),
    ]
)
TESTS = frozenset(
    [
        *("boolean", "defined", "eq", "equalto", "false", "ge", "gt", "in", "le", "lt", "ne", "none", "number"),
        *("string", "true", "undefined"),
    ]
)
#: What a template is made of. Lists and tuples may be written out only to look something up in them.
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Extends, nodes.Block, nodes.Assign),
    *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Keyword),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub, nodes.Neg),
    *(nodes.List, nodes.Tuple),
)


class NoticeError(FiredoorError):
    """A text of a notice that cannot be rendered: `place` is its file, `line` where in it."""

    reason = "notice"

    def __init__(self, what: str, *, place: str, line: int) -> None:
        super().__init__(
            f"{place}:{line}: {what}", changed="Nothing was sent.", next="Correct it, then: firedoor notices lint"
        )
        self.said = what
        self.place = place
        self.line = line


class Verbatim(str):
    """An address: Slack's text takes it as it is."""

    __slots__ = ()


class _Environment(ImmutableSandboxedEnvironment):
    """Values are looked up in mappings and lists, and have no methods."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if type(obj) is LoopContext:
            return super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if type(obj) in {dict, list, tuple} and type(argument) in {str, int}:
            return super().getitem(obj, argument)
        return self.undefined(obj=obj, name=str(argument))

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, *more: Any, **named: Any
    ) -> str:
        """A loop may write nothing, so the time is looked at in each turn of it."""
        for loop in list(source.find_all(nodes.For)):
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
        return super()._generate(source, name, filename, *more, **named)


@jinja2.pass_context
def _counted(context: jinja2.runtime.Context, items: Iterable[Any]) -> Iterator[Any]:
    until: Any = context.resolve(_UNTIL)
    for one in items:
        if time.monotonic() > until:
            raise jinja2.TemplateRuntimeError(LATE)
        yield one


class _Texts(jinja2.BaseLoader):
    """The texts of one notice, and nothing else."""

    def __init__(self, notice: Notice) -> None:
        self._notice = notice

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The text, and its place for whoever reads an error."""
        text = self._notice.texts.get(template)
        if text is None:
            raise jinja2.TemplateNotFound(template)
        return text, self._notice.place(template), lambda: True


def slack_text(value: object) -> object:
    """A value within Slack's Markdown: nothing in it becomes a link, or bold, or ends a code span.

    That nobody is mentioned by it is seen to where it is sent: `activities.transports` escapes all of the text.
    """
    if type(value) is Verbatim or not isinstance(value, str):
        return value
    return value.replace("`", "'").replace("](", "] (").replace("**", "* *").replace("__", "_ _")


def _environment(notice: Notice, file: str) -> _Environment:
    made = _Environment(
        loader=_Texts(notice),
        undefined=jinja2.StrictUndefined,
        autoescape=file == HTML,
        finalize=slack_text if file == SLACK else None,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.globals = {}
    filters = {name: one for name, one in made.filters.items() if name in FILTERS}
    made.filters = cast("Any", {**filters, _COUNTED: _counted})
    made.tests = {name: one for name, one in made.tests.items() if name in TESTS}
    return made


def tree_of(notice: Notice, path: str) -> nodes.Template:
    """The tree of a text, which nothing was done with yet. Raises `NoticeError` where it is no template."""
    place = notice.place(path)
    file = path.rpartition("/")[2]
    environment = _environment(notice, HTML if file == LAYOUT else file)
    try:
        tree = environment.parse(notice.texts[path], path, place)
    except jinja2.TemplateSyntaxError as error:
        raise NoticeError(_sentence(error), place=place, line=error.lineno) from None
    except (RecursionError, ValueError):
        # Python reads no number of thousands of digits, and Jinja nothing that is nested a thousand deep.
        raise NoticeError("It is nested too deeply, or has a number that is too long.", place=place, line=1) from None
    if line := _too_deep(tree):
        raise NoticeError("It is nested too deeply.", place=place, line=line)
    return tree


def forbidden(tree: nodes.Template, *, layout: bool) -> Iterator[tuple[int, str]]:
    """What no text of a notice may do, with the line."""
    for node in _within(tree):
        if not isinstance(node, _ALLOWED):
            word = type(node).__name__
            yield node.lineno, f"{_WORDS.get(word, word)}: a notice has values, conditions, loops and a layout."
        if isinstance(node, nodes.Extends) and (layout or node.template != nodes.Const(LAYOUT)):
            yield node.lineno, f"A text extends {LAYOUT} of its notice, and nothing else."
        if isinstance(node, nodes.Filter | nodes.Test):
            known = FILTERS if isinstance(node, nodes.Filter) else TESTS
            if node.name not in known:
                yield (
                    node.lineno,
                    f"There is no {type(node).__name__.lower()} {node.name} here. {nearest(node.name, sorted(known))}",
                )
        if isinstance(node, nodes.Name) and node.name == "self":
            yield node.lineno, "A text does not speak of its own blocks."
        if isinstance(node, nodes.For) and node.recursive:
            yield node.lineno, "A loop does not call itself."
    yield from _nested(tree, 0)
    yield from _literals(tree)


def _too_deep(tree: nodes.Template) -> int:
    """The line from which on all that walks the tree would fall; 0 where there is none."""
    level: list[nodes.Node] = [tree]
    for _ in range(DEEPEST_NODE):
        level = [child for one in level for child in one.iter_child_nodes()]
    return level[0].lineno if level else 0


def _within(tree: nodes.Node) -> Iterator[nodes.Node]:
    yield tree
    for child in tree.iter_child_nodes():
        yield from _within(child)


def _nested(tree: nodes.Node, depth: int) -> Iterator[tuple[int, str]]:
    deeper = depth + isinstance(tree, nodes.For)
    if deeper > DEEPEST:
        yield tree.lineno, f"Loops stand in one another {DEEPEST} deep at most."
        return
    for child in tree.iter_child_nodes():
        yield from _nested(child, deeper)


def _literals(tree: nodes.Node) -> Iterator[tuple[int, str]]:
    """Lists that would make long texts of short ones."""
    for node in _within(tree):
        if isinstance(node, nodes.List | nodes.Tuple) and not all(
            isinstance(one, nodes.Const | nodes.Name) and getattr(one, "ctx", "store") == "store" for one in node.items
        ):
            yield node.lineno, "A list is written out of words and numbers only."
        if isinstance(node, nodes.Add) and not any(
            isinstance(one, nodes.Const) and isinstance(one.value, int) for one in (node.left, node.right)
        ):
            yield node.lineno, "Only a number is added; texts are written one after the other."


_WORDS = {
    "Call": "A call",
    "Concat": "~",
    "Macro": "A macro",
    "Include": "An include",
    "Import": "An import",
    "FromImport": "An import",
    "AssignBlock": "A block that is set",
    "FilterBlock": "A block that is filtered",
    "CallBlock": "A call",
    "With": "`with`",
    "Mul": "*",
    "Pow": "**",
    "Div": "/",
    "Mod": "%",
    "FloorDiv": "//",
    "Dict": "A mapping",
    "Slice": "A slice",
    "NSRef": "A namespace",
}


def _sentence(error: Exception) -> str:
    return full_stop(str(error) or type(error).__name__)


class Text:
    """One text of a notice in one language, ready to be rendered. Raises `NoticeError` where it cannot be."""

    def __init__(self, notice: Notice, path: str) -> None:
        if path not in notice.texts:
            raise NoticeError("The file is missing.", place=notice.place(path), line=1)
        # Before it is compiled: the compiler works out what is constant, and would be busy with it.
        for one in (path, LAYOUT) if LAYOUT in notice.texts else (path,):
            for line, what in forbidden(tree_of(notice, one), layout=one == LAYOUT):
                raise NoticeError(what, place=notice.place(one), line=line)
        self._place = notice.place(path)
        self._places = {self._place: self._place, notice.place(LAYOUT): notice.place(LAYOUT)}
        try:
            self._template = _environment(notice, path.rpartition("/")[2]).get_template(path)
        except jinja2.TemplateSyntaxError as error:
            raise NoticeError(_sentence(error), place=error.filename or self._place, line=error.lineno) from None

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text for one reader. Raises `NoticeError`."""
        template, done = self._template, list[str]()
        size, until = 0, time.monotonic() + PATIENCE
        try:
            # Not the template's own method, which looks for globals that there are none of: this runs for each message.
            known = {**variables, _UNTIL: until}
            context = new_context(template.environment, template.name, template.blocks, known, shared=True)
            parts = template.root_render_func(context)
            while some := list(islice(parts, STRIDE)):
                done.append("".join(some))
                size += len(done[-1])
                if size > MOST:
                    raise self._error(f"It became longer than {MOST:,} characters.", None)
                if time.monotonic() > until:
                    raise self._error(LATE, None)
        except jinja2.TemplateNotFound as error:
            raise self._error(f"{error.name} is missing in the notice's folder.", error) from None
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise self._error(_sentence(error), error) from None
        text = "".join(done)
        # An escape in a text can write half a character, which no message carries.
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self._error("It holds half a character (U+D800 to U+DFFF).", None) from None
        return text

    def _error(self, what: str, error: BaseException | None) -> NoticeError:
        """With the line of the template at which it happened."""
        place, line = self._place, 1
        trace = error.__traceback__ if error else None
        while trace is not None:
            found = self._places.get(trace.tb_frame.f_code.co_filename)
            template = trace.tb_frame.f_globals.get("__jinja_template__")
            if found and template is not None:
                place, line = found, template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return NoticeError(what, place=place, line=line)
