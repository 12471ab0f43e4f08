"""Tries what rules say of extensions that a build may do without: builds releases where there is no compiler.

For maintainers, with pip's index at hand. Each release is built from its sdist with a PATH that has all programs but
compilers; where that fails, it is built with them, so that a release that does not build at all says nothing.

    python tools/without_compiler.py NAME==VERSION...

Prints for each whether the rule says the same; the exit code is 1 where one does not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dockerlint_alpine.knowledge import Knowledge  # noqa: E402 - from this checkout
from dockerlint_alpine.python.model import normalise  # noqa: E402

_COMPILER = re.compile(r"(?:.*-)?(?:gcc|g\+\+|cc|c\+\+|c[89]9|cpp|clang(?:\+\+)?|ld|rustc|cargo)(?:-[\d.]+|\.\w+)?")


def main() -> int:
    """Try the releases that the command line names."""
    knowledge, wrong = Knowledge.open(), 0
    with tempfile.TemporaryDirectory() as work:
        programs = Path(work, "bin")
        programs.mkdir()
        for folder in os.get_exec_path():
            for program in Path(folder).glob("*"):
                if not _COMPILER.fullmatch(program.name) and not os.path.lexists(programs / program.name):
                    (programs / program.name).symlink_to(program)
        for requirement in sys.argv[1:]:
            name, _, version = requirement.partition("==")
            if _builds(requirement, str(programs), work):
                needed = False
            elif _builds(requirement, os.environ["PATH"], work):
                needed = True
            else:
                print(f"{requirement}: does not build here")  # noqa: T201 - a tool's output
                continue
            rule = knowledge.distribution(normalise(name))
            build = rule.build(version) if rule is not None else None
            told = build is not None and bool(build.language) and build.switched_on({}) and not build.optional_extension
            wrong += told != needed
            shown = "needs a compiler" if needed else "builds without a compiler"
            told_so = "as the rule says" if told == needed else "and the rule says otherwise"
            print(f"{requirement}: {shown}, {told_so}", flush=True)  # noqa: T201
    return 1 if wrong else 0


def _builds(requirement: str, path: str, work: str) -> bool:
    name = requirement.partition("==")[0]
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-cache-dir", "--no-binary", name, "-w", work]
    done = subprocess.run(  # noqa: S603 - pip, with what the maintainer named
        [*pip, requirement], env={**os.environ, "PATH": path}, cwd=work, capture_output=True, check=False
    )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
