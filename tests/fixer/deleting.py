"""Dockerfiles that delete packages before, between and behind what needs them, by number: the same number, the same file."""

from __future__ import annotations

from random import Random

_BASES = ("python:3.11-alpine3.19", "python:3.11-alpine3.16", "alpine:3.19", "python:3.12-alpine3.20")
_LISTS = (
    "gcc musl-dev",
    "gcc musl-dev libffi-dev postgresql-dev",
    "build-base",
    "libpq-dev",
    "curl",
    "gcc musl-dev lz4-dev",
)
_GONE = (
    "gcc musl-dev",
    "gcc",
    "musl-dev",
    "build-base",
    "libpq",
    "libpq-dev",
    "lz4-libs lz4-dev",
    "postgresql-dev",
    ".build-deps",
)
_WANTED = (
    "psycopg2==2.9.9",
    "lz4==4.4.5",
    "cffi==1.15.1",
    "--no-binary :all: psycopg2==2.9.9",
    "python-magic==0.4.27",
    "requests==2.31.0",
    "--no-binary lz4 lz4==4.4.5",
)
_WORKS = ("python -c 'import lz4.frame'", "echo done", "rm -rf /var/cache/apk/*")


def deleting(number: int) -> bytes:
    """The file with this number: one or two stages, each of up to three RUNs of up to three commands."""
    random = Random(number)
    lines: list[str] = []
    for stage in range(random.choice((1, 1, 1, 2))):
        earlier = random.choice(("", "", f"s{stage - 1}")) if stage else ""
        lines.append(f"FROM {earlier or random.choice(_BASES)} AS s{stage}")
        if random.random() < 0.1:
            lines.append("USER app")
        lines.extend(_run(random) for _ in range(random.randint(1, 3)))
        if stage and random.random() < 0.5:
            lines.append(f"COPY --from=s{stage - 1} /usr/local /usr/local")
    return (random.choice(("\n", "\n", "\r\n")).join(lines) + random.choice(("\n", ""))).encode()


def _run(random: Random) -> str:
    commands = [_command(random) for _ in range(random.randint(1, 3))]
    joint = random.choice((" && ", " && \\\n    ", "; "))
    return f"RUN {joint.join(commands)}"


def _command(random: Random) -> str:
    kind = random.random()
    if kind < 0.3:
        virtual = random.choice(("", "", "--virtual .build-deps ", "-t .build-deps "))
        return f"apk add {random.choice(('', '--no-cache '))}{virtual}{random.choice(_LISTS)}"
    if kind < 0.55:
        return f"apk del {random.choice(_GONE)}"
    if kind < 0.6:
        return f'if [ -n "$SLIM" ]; then apk del {random.choice(_GONE)}; fi'
    if kind < 0.9:
        return f"pip install {random.choice(_WANTED)}"
    return random.choice(_WORKS)
