"""A program that sets its own resource limits and then executes the given command.

Arguments: the process id of the one who asks, seconds, bytes of address space, bytes of one file, then the command.
Python's ``preexec_fn`` would do the same between fork and exec, where a program with threads may hang for ever.
"""

from __future__ import annotations

import os
import signal
import sys

NOT_STARTED = "launch: "
"""What is said on standard error, with the exit code 127, where the command can't be started."""
_PR_SET_PDEATHSIG = 1
"""<sys/prctl.h>: which signal this process gets when its parent ends, in whatever way."""


def follow(parent: int) -> None:
    """Die with the parent, even if that is killed with no time to say so. Linux only; elsewhere the alarm ends us."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we said so
        os._exit(1)


def _limit(kind: str, amount: int) -> None:
    import resource

    number = getattr(resource, kind, None)
    if number is None:
        return
    hard = resource.getrlimit(number)[1]
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    try:
        resource.setrlimit(number, (amount, amount))
    except (OSError, ValueError):
        return  # a system that has no such limit


def main(arguments: list[str]) -> None:
    """Become the command. Raises ``OSError`` where it can't be started."""
    parent, seconds, memory, file_size, *command = arguments
    follow(int(parent))
    _limit("RLIMIT_AS", int(memory))
    _limit("RLIMIT_FSIZE", int(file_size))
    _limit("RLIMIT_CORE", 0)
    signal.setitimer(signal.ITIMER_REAL, float(seconds))  # goes on after exec
    os.execvp(command[0], command)  # noqa: S606 - the command is the caller's, no shell reads it


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"{NOT_STARTED}{error.strerror}")
        sys.exit(127)
