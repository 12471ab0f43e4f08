"""Text <-> lossless tree: Dockerfile instructions and shell commands with byte spans, expansion, and edits.

Knows nothing of apk or Python. Offsets are bytes from the start of the file, 0-based, end exclusive; lines and columns
are 1-based. Nothing here raises for bad input; problems are listed.
"""

from __future__ import annotations

from dockerlint_alpine.syntax.directives import Directive
from dockerlint_alpine.syntax.dockerfile import Dockerfile, parse, plain_text
from dockerlint_alpine.syntax.edit import Edit, EditConflictError, EditError, apply_edits
from dockerlint_alpine.syntax.expand import Expanded, expand
from dockerlint_alpine.syntax.heredoc import Heredoc
from dockerlint_alpine.syntax.instruction import Flag, Instruction, KeyValue, Mount, key_values
from dockerlint_alpine.syntax.layout import LayoutError, PackageList, list_layout
from dockerlint_alpine.syntax.problems import SyntaxProblem
from dockerlint_alpine.syntax.script import ExpandedCommand, expand_command, expanded_commands, run_scripts
from dockerlint_alpine.syntax.shell.environment import unknown_value
from dockerlint_alpine.syntax.shell.model import Assignment, Command, Loop, Redirect, Scope, Script
from dockerlint_alpine.syntax.shell.parser import parse_script
from dockerlint_alpine.syntax.shell.words import Arg, Word
from dockerlint_alpine.syntax.shell.wrappers import Unwrapped, unwrap
from dockerlint_alpine.syntax.source import SourceText, Span

__all__ = [
    "Arg", "Assignment", "Command", "Directive", "Dockerfile", "Edit", "EditConflictError", "EditError", "Expanded",
    "ExpandedCommand", "Flag", "Heredoc", "Instruction", "KeyValue", "LayoutError", "Loop", "Mount", "PackageList",
    "Redirect", "Scope", "Script", "SourceText", "Span", "SyntaxProblem", "Unwrapped", "Word", "apply_edits",
    "expand", "expand_command", "expanded_commands", "key_values", "list_layout", "parse", "parse_script",
    "plain_text", "run_scripts", "unknown_value", "unwrap",
]  # fmt: skip
