"""The shell parser: the POSIX grammar (XCU 2.10) with what busybox ash and bash scripts use beyond it.

It looks for simple commands and what decides whether they run. It never raises: a construct that does not fit is
recorded as a problem and the parser goes on behind it.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from dockerlint_alpine.syntax.problems import SyntaxProblem
from dockerlint_alpine.syntax.shell.model import (
    DECLARE,
    SHELLS,
    Assignment,
    Command,
    Loop,
    Matched,
    Redirect,
    Scope,
    Script,
    Tested,
)
from dockerlint_alpine.syntax.shell.scan import nested_end, word_end
from dockerlint_alpine.syntax.shell.words import Word
from dockerlint_alpine.syntax.source import SourceText, Span
from dockerlint_alpine.system.patterns import lazy_pattern

_MAX_DEPTH = 60
_MAX_LENGTH = 2_000_000
_BLANK = lazy_pattern(r"(?:[ \t]|\\\r?\n|\r(?=\n|\Z))*+(?:#[^\n]*+)?")
_TOKEN = lazy_pattern(
    r"(?P<redirect>(?:[0-9]+|\{[A-Za-z_]\w*\})?(?:<<-|<<<|<<|<>|<&|<(?!\()|>>|>&|>\||>(?!\())|&>>?)"
    r"|(?P<operator>&&|\|\||;;&|;;|;&|\|&|[;|&()\n])"
)
_ASSIGNMENT = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]]*\])?(\+?)=")
_HEREDOC_QUOTES = lazy_pattern(r"['\"\\]")
_LINE = lazy_pattern(r"[^\n]*\n?")
_RESERVED = frozenset({
    "!", "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "esac", "{", "}",
    "function", "time", "[[",
})  # fmt: skip
_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})
_TESTS = frozenset({
    "[", "[[", "((", "test", "false", "grep", "egrep", "fgrep", "which", "type", "hash", "expr", "getent", "id",
    "pgrep", "cmp", "diff",
})  # fmt: skip


class Token:
    """A token of the script: ``kind`` is ``word``, ``operator``, ``redirect`` or ``end``."""

    __slots__ = ("end", "kind", "start", "text")

    def __init__(self, kind: str, start: int, end: int, text: str) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.text = text


class _Context(Struct, frozen=True):
    """What surrounds a command."""

    conditional: bool = False
    guard: Command | None = None
    subshell: int = 0
    scopes: tuple[Scope, ...] = ()
    loops: tuple[Loop, ...] = ()
    function: str | None = None
    outside: int = 0
    negated: bool = False


class _TooDeepError(Exception):
    """The script nests deeper than any author would; parsing stops there."""


def parse_script(source: SourceText, *, shell: str = "sh", succeeds: bool = False) -> Script:
    """Parse a script. ``shell`` is the interpreter's name; the script of one that is no Bourne shell stays unparsed.

    ``succeeds``: it ends without an error, or nothing that comes later matters, as in a RUN. Then a question in the middle
    of its last ``&&`` list (``make && php -i | grep x && y``) was answered with yes. One that opens it is left open: who
    writes ``[ -n "$X" ] && y`` means both answers.
    """
    if shell not in SHELLS:
        return Script(source, (), (), shell)
    if len(source) > _MAX_LENGTH:
        return Script(
            source, (), (SyntaxProblem(1, f"a script of {len(source)} characters is too long to be read"),), shell
        )
    parser = _Parser(source)
    parser.run()
    if succeeds:
        parser.affirm()
    return Script(source, tuple(parser.commands), tuple(parser.problems), shell)


def is_test(command: Command) -> bool:
    """Whether a command is run for its exit status, so that what follows ``&&`` depends on a question."""
    name = command.name
    if name in _TESTS or name.startswith("(("):
        return True
    arguments = [word.text for word in command.words[1:3]]
    if name == "command":
        return arguments[:1] in (["-v"], ["-V"])
    return name == "apk" and arguments[:1] == ["info"]


def _late(target: Command | Redirect, name: str, value: object) -> None:
    """Fill in what is known only further on in the text; nobody has seen the object yet."""
    force_setattr(target, name, value)


class _Parser:
    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.text = source.text
        self.position = 0
        self.commands: list[Command] = []
        self.problems: list[SyntaxProblem] = []
        self.pending: list[Redirect] = []
        self.joined_by = ""
        self.depth = 0
        self.scopes = 0
        self.last_list: tuple[int, frozenset[int]] = (0, frozenset())
        """Where the commands of the last list begin, and the branches that its own questions open."""
        self.unclosed = False
        self.token: Token | None = None

    # -- tokens ---------------------------------------------------------------------------------------------------

    def _peek(self) -> Token:
        if self.token is None:
            self.token = self._read()
        return self.token

    def _read(self) -> Token:
        blank = _BLANK.match(self.text, self.position)
        start = blank.end() if blank else self.position
        if start >= len(self.text):
            return Token("end", start, start, "")
        match = _TOKEN.match(self.text, start)
        if match is not None:
            return Token(match.lastgroup or "", start, match.end(), match[0])
        if self.text[start] in "<>":  # process substitution, a word
            end = nested_end(self.text, start + 1)
            closed = end >= 0
        else:
            end, closed = word_end(self.text, start)
        if not closed:
            self._problem(start, "unterminated quote or substitution")
            end = len(self.text)
        end = max(end, start + 1)
        return Token("word", start, end, self.text[start:end])

    def _advance(self) -> Token:
        token = self._peek()
        self.token = None
        self.position = token.end
        if token.text == "\n" and token.kind == "operator":
            for redirect in self.pending:
                self._read_heredoc(redirect)
            self.pending.clear()
        return token

    def _is(self, *texts: str) -> bool:
        return self._peek().text in texts and self._peek().kind in ("word", "operator")

    def _take(self, text: str, where: str) -> bool:
        """Consume a token that must be there."""
        if self._is(text):
            self._advance()
            return True
        self._problem(self._peek().start, f"expected '{text}' {where}")
        return False

    def _problem(self, position: int, message: str) -> None:
        if len(self.problems) < 100:
            self.problems.append(SyntaxProblem(self.text.count("\n", 0, position) + 1, message))

    def _skip_separators(self) -> None:
        while self._is("\n", ";", "&"):
            token = self._advance()
            self._joined(token)

    def _skip_newlines(self) -> None:
        while self._is("\n"):
            self._advance()

    def _joined(self, token: Token) -> None:
        self.joined_by = token.text

    # -- here-documents -------------------------------------------------------------------------------------------

    def _read_heredoc(self, redirect: Redirect) -> None:
        name = _HEREDOC_QUOTES.sub("", redirect.target.text)
        strip = redirect.op == "<<-"
        parts: list[SourceText] = []
        while self.position < len(self.text):
            match = _LINE.match(self.text, self.position)
            start, end = match.span() if match else (self.position, len(self.text))
            self.position = end
            if strip:
                start = min(end, start + len(self.text[start:end]) - len(self.text[start:end].lstrip("\t")))
            if self.text[start:end].rstrip("\r\n") == name:
                break
            parts.append(self.source.slice(start, end))
        else:
            self._problem(self.position, f"unterminated here-document {name}")
        _late(redirect, "body", SourceText.concat(parts))

    # -- grammar --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Read the whole text."""
        try:
            while True:
                self._list(_Context())
                token = self._peek()
                if token.kind == "end":
                    return
                self._problem(token.start, f"unexpected '{token.text}'")
                self._joined(self._advance())
        except _TooDeepError:
            self._problem(self.position, "nested too deeply to be read")

    def affirm(self) -> None:
        """Take the last list for one that was gone through to its end."""
        first, own = self.last_list
        for command in self.commands[first:]:
            inner = tuple(scope for scope in command.scopes if scope.number not in own)
            if command.conditional and not any(scope.kind == "branch" for scope in inner):
                for name, value in (("conditional", False), ("guard", None), ("scopes", inner)):
                    _late(command, name, value)

    def _list(self, context: _Context) -> None:
        """Commands until something that closes a compound command, which is left for the caller."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _TooDeepError
        while True:
            self._skip_separators()
            token = self._peek()
            closing = token.text in _CLOSERS if token.kind == "word" else token.text in (")", ";;", ";&", ";;&")
            if token.kind == "end" or closing:
                break
            before = token.start
            self._and_or(context)
            if self._peek().start == before and self._peek().kind != "end":
                self._problem(before, f"unexpected '{self._peek().text}'")
                self._joined(self._advance())
        self.depth -= 1

    def _branch(
        self, context: _Context, guard: Command | None, conditions: tuple[Tested | Matched, ...] = ()
    ) -> _Context:
        """The same surroundings, but in a part that may not run."""
        self.scopes += 1
        scopes = (*context.scopes, Scope(self.scopes, "branch", conditions))
        return replace(context, conditional=True, guard=guard or context.guard, scopes=scopes)

    def _and_or(self, context: _Context) -> None:
        first = len(self.commands)
        current, behind_or, alternatives = context, False, False
        own: set[int] = set()
        while True:
            begin = len(self.commands)
            self._pipeline(current)
            token = self._peek()
            if token.kind != "operator" or token.text not in ("&&", "||"):
                break
            self._joined(self._advance())
            self._skip_newlines()
            last = self.commands[-1] if len(self.commands) > begin else None
            test = last if last is not None and is_test(last) else None
            if token.text == "||":
                decides = self._decides(first, wanted=False) if current is context else ()
                current, behind_or, alternatives = self._branch(context, test, decides), True, True
            elif behind_or:
                current, behind_or = context, False
            elif test is not None:
                current = self._branch(current, test, self._decides(begin, wanted=True))
                if not is_test(self.commands[first]):
                    own.add(self.scopes)
        self.last_list = (first, frozenset() if alternatives or self._is("&") else frozenset(own))
        if self._is("&"):
            for command in self.commands[first:]:
                _late(command, "background", True)  # noqa: FBT003  the value of a field

    def _pipeline(self, context: _Context) -> None:
        while self._peek().kind == "word" and self._peek().text in ("!", "time"):
            if self._advance().text == "!":
                context = replace(context, negated=not context.negated)
        previous: Command | None = None
        while True:
            begin = len(self.commands)
            self._command(context)
            if len(self.commands) > begin:
                if previous is not None:
                    _late(previous, "piped_to", self.commands[begin])
                    _late(self.commands[begin], "piped_from", previous)
                previous = self.commands[-1]
            if not self._is("|", "|&"):
                return
            self._joined(self._advance())
            self._skip_newlines()

    def _command(self, context: _Context) -> None:
        token = self._peek()
        if token.kind == "operator":
            if token.text == "(":
                self._parenthesis(context)
            return
        if token.kind == "word" and token.text in _RESERVED:
            self._reserved(token.text, context)
            return
        if token.kind != "end":
            self._simple(context)

    def _reserved(self, word: str, context: _Context) -> None:
        if word == "if":
            self._if(context)
        elif word in ("while", "until"):
            self._while(context)
        elif word in ("for", "select"):
            self._for(context)
        elif word == "case":
            self._case(context)
        elif word == "{":
            self._advance()
            self._list(context)
            self._take("}", "to close '{'")
            self._redirects()
        elif word == "function":
            self._advance()
            self._function(self._advance().text, context)
        elif word == "[[":
            self._double_bracket(context)

    def _redirects(self) -> None:
        """The redirections behind a compound command; only here-documents matter, to step over their bodies."""
        while self._peek().kind == "redirect":
            self._redirect()

    def _parenthesis(self, context: _Context) -> None:
        token = self._peek()
        end = self._arithmetic_end(token.start)
        if end > 0 and self.text.startswith("))", end - 2):
            self.token = None
            self.position = end
            self._add([self._word(token.start, end)], [], [], (token.start, end), context)
            return
        self._advance()
        self.scopes += 1
        scopes = (*context.scopes, Scope(self.scopes, "subshell"))
        self._list(replace(context, subshell=context.subshell + 1, scopes=scopes))
        self._take(")", "to close '('")
        self._redirects()

    def _arithmetic_end(self, start: int) -> int:
        """Behind the parenthesis that opens here, if it may be ``((...))``; -1 otherwise.

        Once a parenthesis was never closed, none around it is, and nobody looks again.
        """
        if self.unclosed or not self.text.startswith("((", start):
            return -1
        end = nested_end(self.text, start)
        self.unclosed = end < 0
        return end

    def _decides(self, begin: int, *, wanted: bool) -> tuple[Tested, ...]:
        """What the only command since ``begin`` says of a branch that runs where it succeeds, or fails."""
        found = self.commands[begin:]
        if len(found) != 1 or found[0].background:
            return ()
        return (Tested(found[0], wanted != found[0].negated),)

    def _last_since(self, begin: int) -> Command | None:
        return self.commands[-1] if len(self.commands) > begin else None

    def _if(self, context: _Context) -> None:
        self._advance()
        begin = len(self.commands)
        self._list(context)
        guard = self._last_since(begin)
        decides, fails = self._decides(begin, wanted=True), self._decides(begin, wanted=False)
        self._take("then", "after the condition of 'if'")
        self._list(self._branch(context, guard, decides))
        while self._is("elif"):
            self._advance()
            begin = len(self.commands)
            self._list(self._branch(context, guard, fails))
            other = self._last_since(begin)
            decides, not_this = self._decides(begin, wanted=True), self._decides(begin, wanted=False)
            self._take("then", "after the condition of 'elif'")
            self._list(self._branch(context, other or guard, (*fails, *decides) if fails and decides else ()))
            fails = (*fails, *not_this) if fails and not_this else ()
        if self._is("else"):
            self._advance()
            self._list(self._branch(context, guard, fails))
        self._take("fi", "to close 'if'")
        self._redirects()

    def _while(self, context: _Context) -> None:
        word = self._advance().text
        begin = len(self.commands)
        self._list(context)
        guard = self._last_since(begin)
        self._take("do", f"after the condition of '{word}'")
        body = replace(self._branch(context, guard), loops=(*context.loops, Loop("", ())))
        self._list(body)
        self._take("done", f"to close '{word}'")
        self._redirects()

    def _for(self, context: _Context) -> None:
        self._advance()
        if self._is("("):
            self._c_style_for(context)
            return
        name = self._advance().text if self._peek().kind == "word" else ""
        self._skip_newlines()
        words: tuple[Word, ...] | None = None
        if self._is("in"):
            self._advance()
            found: list[Word] = []
            while self._peek().kind == "word":
                token = self._advance()
                found.append(self._word(token.start, token.end))
            words = tuple(found)
        self._skip_separators()
        certain = words is not None and any("$" not in word.text and "`" not in word.text for word in words)
        body = context if certain else self._branch(context, None)
        self._body_of_for(replace(body, loops=(*context.loops, Loop(name, words))))

    def _c_style_for(self, context: _Context) -> None:
        start = self._peek().start
        end = nested_end(self.text, start)
        self.token = None
        self.position = len(self.text) if end < 0 else end
        self._skip_separators()
        self._body_of_for(self._branch(context, None))

    def _body_of_for(self, context: _Context) -> None:
        if self._is("{"):
            self._command(context)
            return
        self._take("do", "after the head of 'for'")
        self._list(context)
        self._take("done", "to close 'for'")
        self._redirects()

    def _case(self, context: _Context) -> None:
        self._advance()
        subject: Word | None = None
        if self._peek().kind == "word":
            token = self._advance()
            subject = self._word(token.start, token.end)
        self._skip_newlines()
        self._take("in", "after the word of 'case'")
        earlier: tuple[Word, ...] = ()
        falls = False
        while True:
            self._skip_newlines()
            if self._is("esac") or self._peek().kind == "end":
                break
            before = self._peek().start
            patterns = self._case_pattern()
            decides = (Matched(subject, patterns, earlier),) if subject is not None and not falls else ()
            self._list(self._branch(context, None, decides))
            earlier = (*earlier, *patterns)
            while self._is(";;", ";&", ";;&"):
                falls = self._advance().text != ";;"
            if self._peek().start == before:
                self._advance()
        self._take("esac", "to close 'case'")
        self._redirects()

    def _case_pattern(self) -> tuple[Word, ...]:
        if self._is("("):
            self._advance()
        found: list[Word] = []
        while self._peek().kind == "word" or self._is("|"):
            token = self._advance()
            if token.kind == "word":
                found.append(self._word(token.start, token.end))
        self._take(")", "after the pattern of 'case'")
        return tuple(found)

    def _function(self, name: str, context: _Context) -> None:
        if self._is("("):
            self._advance()
            self._take(")", "after the name of a function")
        self._skip_newlines()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _TooDeepError
        body = self._branch(context, None)
        self._command(replace(body, function=name, outside=len(body.scopes)))
        self.depth -= 1

    def _double_bracket(self, context: _Context) -> None:
        """``[[ ... ]]``: operators within are words."""
        words: list[Word] = []
        start = end = self._peek().start
        while self._peek().kind != "end" and not self._is("\n", ";"):
            token = self._advance()
            words.append(self._word(token.start, token.end))
            end = token.end
            if token.text == "]]":
                break
        self._add(words, [], [], (start, end), context)

    # -- simple commands ------------------------------------------------------------------------------------------

    def _word(self, start: int, end: int) -> Word:
        source = self.source.slice(start, end)
        return Word(source, source.span())

    def _simple(self, context: _Context) -> None:
        words: list[Word] = []
        assignments: list[Assignment] = []
        redirects: list[Redirect] = []
        start = end = self._peek().start
        while True:
            token = self._peek()
            if token.kind == "redirect":
                redirects.append(self._redirect())
                end = self.position
                continue
            if token.kind != "word":
                break
            self._advance()
            assignment = _ASSIGNMENT.match(token.text) if not words else None
            if self._opens_array(token, words):
                self._extend_over_array(token)
            if assignment is not None:
                value = self._word(token.start + assignment.end(), token.end)
                assignments.append(Assignment(assignment[1], value, bool(assignment[2])))
            else:
                words.append(self._word(token.start, token.end))
            end = token.end
        if len(words) == 1 and not assignments and not redirects and self._is("("):
            self._function(words[0].text, context)
            return
        if end > start:
            self._add(words, assignments, redirects, (start, end), context)

    def _opens_array(self, token: Token, words: list[Word]) -> bool:
        """Whether a word such as ``A=`` goes on with an array: ``A=(a b)``."""
        if not token.text.endswith("=") or not self.text.startswith("(", token.end):
            return False
        return (not words or words[0].text in DECLARE) and _ASSIGNMENT.fullmatch(token.text) is not None

    def _extend_over_array(self, token: Token) -> None:
        end = nested_end(self.text, token.end)
        if end < 0:
            self._problem(token.end, "unterminated array")
            end = len(self.text)
        token.end = end
        self.token = None
        self.position = end

    def _redirect(self) -> Redirect:
        token = self._advance()
        op = token.text.lstrip("0123456789")
        if op.startswith("{"):
            op = op[op.index("}") + 1 :]
        digits = token.text[: len(token.text) - len(op)]
        descriptor = int(digits) if digits.isdecimal() and len(digits) < 10 else None
        if self._peek().kind == "word":
            target = self._advance()
            word = self._word(target.start, target.end)
        else:
            self._problem(token.start, f"expected a word after '{token.text}'")
            word = self._word(token.end, token.end)
        redirect = Redirect(op, descriptor, word, None, _HEREDOC_QUOTES.search(word.text) is None)
        if op in ("<<", "<<-"):
            self.pending.append(redirect)
        return redirect

    def _add(
        self,
        words: list[Word],
        assignments: list[Assignment],
        redirects: list[Redirect],
        where: tuple[int, int],
        context: _Context,
    ) -> None:
        self.commands.append(
            Command(
                words=tuple(words),
                assignments=tuple(assignments),
                redirects=tuple(redirects),
                source=self.source.slice(*where),
                span=self._span(*where),
                conditional=context.conditional,
                guard=context.guard,
                joined_by=self.joined_by,
                subshell=context.subshell,
                scopes=context.scopes,
                loops=context.loops,
                function=context.function,
                outside=context.outside,
                negated=context.negated,
            )
        )
        self.joined_by = ""

    def _span(self, start: int, end: int) -> Span | None:
        return self.source.char_span(start, end)
