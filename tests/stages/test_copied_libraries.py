from __future__ import annotations

import pytest

from dockerlint_alpine.stages import Timeline, closed_by, library_copied
from tests.stages.support import end, last

HEAD = "FROM alpine:3.19 AS b\nRUN apk add lz4-libs\n"


def _copied(timeline: Timeline, need: str) -> str:
    return library_copied(timeline, last(timeline), end(timeline), need)


@pytest.mark.parametrize(
    ("tail", "answer"),
    [
        ("COPY --from=b /usr/lib/liblz4.so.1* /usr/lib/", "yes"),
        ("COPY --from=b /usr/lib/liblz4* /usr/lib/", "yes"),
        ("COPY --from=b /usr/lib/liblz4.so.1 /usr/lib/liblz4.so.1", "yes"),
        ("COPY --from=b /usr/lib/liblz4.so.1.9.4 /lib/", "no"),  # musl opens liblz4.so.1
        ("COPY --from=b /usr/lib/lib*.so* /usr/local/lib/", "yes"),
        ("COPY --from=b /usr/lib /usr/lib", "yes"),
        ("COPY --from=b /usr/lib/* /usr/lib/", "yes"),
        ("COPY --from=b /usr /usr", "yes"),
        ("COPY --from=b / /", "yes"),
        ("COPY --from=b /usr/lib /opt/lib\nENV LD_LIBRARY_PATH=/x:/opt/lib", "yes"),
        ("COPY --from=b /usr/lib /opt/lib\nENV LD_LIBRARY_PATH=/opt/lib/", "yes"),
        ("COPY --from=b /usr/lib /opt/lib", "no"),
        # A path file takes the place of the loader's own folders.
        ("COPY --from=b /usr/lib /opt/lib\nRUN echo /lib:/opt/lib > /etc/ld-musl-x86_64.path", "yes"),
        ("COPY --from=b /usr/lib /opt/lib\nRUN printf '/lib\\n/opt/lib\\n' > /etc/ld-musl-x86_64.path", "yes"),
        ("COPY --from=b /usr/lib /opt/lib\nRUN echo /lib > /etc/ld-musl-x86_64.path", "no"),
        (
            "COPY --from=b /usr/lib /opt/lib\nRUN echo /lib > /etc/ld-musl-x86_64.path\n"
            "RUN echo /opt/lib >> /etc/ld-musl-x86_64.path",
            "yes",
        ),
        ("COPY --from=b /usr/lib /opt/lib\nCOPY <<EOF /etc/ld-musl-x86_64.path\n/lib\n/opt/lib\nEOF", "yes"),
        ("COPY --from=b /usr/lib /usr/lib\nRUN echo /opt/lib > /etc/ld-musl-x86_64.path", "no"),
        ("COPY --from=b /usr/lib /opt/lib\nCOPY path /etc/ld-musl-x86_64.path", "yes"),
        ("COPY --from=b /usr/lib /opt/lib\nRUN find / -name '*.so' > /etc/ld-musl-x86_64.path", "maybe"),
        # What starts Python sets the path for it.
        ('COPY --from=b /usr/lib /opt/lib\nCMD ["sh", "-c", "LD_LIBRARY_PATH=/opt/lib exec python"]', "yes"),
        ('COPY --from=b /usr/lib /opt/lib\nCMD export LD_LIBRARY_PATH="/opt/lib:$LD_LIBRARY_PATH"; python', "yes"),
        ('COPY --from=b /usr/lib /opt/lib\nENTRYPOINT ["env", "LD_LIBRARY_PATH=/opt/lib", "python"]', "yes"),
        ('COPY --from=b /usr/lib /opt/lib\nCOPY run.sh /\nENTRYPOINT ["sh", "/run.sh"]', "yes"),
        ("COPY --from=b /usr/lib /opt/lib\nCMD LD_LIBRARY_PATH=$(where) python", "maybe"),
        ("COPY --from=b /usr/lib /opt/lib\nWORKDIR /opt/lib\nENV LD_LIBRARY_PATH=.", "yes"),
        ("COPY --from=b /usr/lib/libz.so.1 /usr/lib/", "no"),
        ("COPY --from=b /usr/lib/liblz4.a /usr/lib/", "no"),
        ("COPY --from=b /usr/share /usr/share", "no"),
        ("COPY --from=nginx:alpine /usr/lib /usr/lib", "maybe"),
        ("COPY --from=nginx:alpine /usr/lib/liblz4.so.1 /usr/lib/", "yes"),
        ("COPY --from=nginx:alpine /etc /etc", "no"),
        ("COPY libs/ /usr/lib/", "yes"),
        ("COPY libs/liblz4.so.1 /usr/lib/", "yes"),
        ("COPY libs /opt", "no"),
        ("ADD rootfs.tar.gz /", "maybe"),
        ("ADD rootfs.tar.gz /data", "no"),
    ],
)
def test_copies(run, tail: str, answer: str) -> None:
    files = {
        "libs/liblz4.so.1": "x",
        "rootfs.tar.gz": "x",
        "path": "/lib:/opt/lib\n",
        "run.sh": "#!/bin/sh\nexport LD_LIBRARY_PATH=/opt/lib\nexec python app.py\n",
    }
    timeline = run(f"{HEAD}FROM alpine:3.19\n{tail}\n", files)
    assert _copied(timeline, "so:liblz4.so.1") == answer


def test_a_stage_in_between(run) -> None:
    text = (
        f"{HEAD}FROM scratch AS libs\nCOPY --from=b /usr/lib /collected\n"
        "FROM alpine:3.19\nCOPY --from=libs /collected /usr/lib\n"
    )
    timeline = run(text)
    assert _copied(timeline, "so:liblz4.so.1") == "yes"
    assert _copied(timeline, "so:libnosuch.so.1") == "no"


@pytest.mark.parametrize(
    "command",
    ["cp /usr/lib/liblz4.so.1 /deps/", "cp -a /usr/lib/liblz4.so* /deps", "mkdir /deps && cp /usr/lib/*.so* /deps"],
)
def test_libraries_collected_with_cp(run, command: str) -> None:
    text = f"{HEAD}RUN {command}\nFROM alpine:3.19\nCOPY --from=b /deps /usr/lib\n"
    timeline = run(text)
    assert _copied(timeline, "so:liblz4.so.1") == "yes"


@pytest.mark.parametrize(("times", "answer"), [(20, "no"), (200, "maybe")])
def test_copies_in_circles_end(run, times: int, answer: str) -> None:
    """Beyond a depth that nobody writes by hand the answer is that it isn't known."""
    commands = "".join(f"RUN cp -r /{a} /{b}\n" for a, b in ["xy", "yx"] * times)
    timeline = run(f"FROM alpine:3.19\n{commands}FROM alpine:3.19\nCOPY --from=0 /x /usr/lib\n")
    assert _copied(timeline, "so:liblz4.so.1") == answer


@pytest.mark.parametrize(
    ("copied", "answer"),
    [("/new/usr/lib /usr/lib", "yes"), ("/new /", "yes"), ("/new/usr /usr", "yes"), ("/new/etc /etc", "no")],
)
def test_another_root_that_apk_filled(run, copied: str, answer: str) -> None:
    """``apk add --root``: what is copied out of it has the files of those packages, and of no others of that stage."""
    text = (
        f"FROM alpine:3.19 AS b\nRUN apk add --root /new --initdb lz4-libs\nFROM alpine:3.19\nCOPY --from=b {copied}\n"
    )
    timeline = run(text)
    assert _copied(timeline, "so:liblz4.so.1") == answer
    assert _copied(timeline, "so:libxslt.so.1") == "no"


CLOSED = "COPY --from=b --chmod=600 /usr/lib/liblz4.so.1 /usr/lib/\n"


@pytest.mark.parametrize(
    ("tail", "closed"),
    [
        (f"{CLOSED}USER app", True),
        (f"{CLOSED}USER 1000:1000", True),
        (f"USER app\n{CLOSED}", True),
        (f"{CLOSED}ARG U=app\nUSER $U", True),
        (CLOSED.replace("600", "0700") + "USER app", True),
        (CLOSED.replace("600 ", "600 --chown=root:app ") + "USER app", True),  # the group may not read it either
        ("COPY --chmod=600 libs /opt/lib\nENV LD_LIBRARY_PATH=/opt/lib\nUSER app", True),
        ("ADD --chmod=600 libs/liblz4.so.1 /lib/\nUSER app", True),
        (CLOSED, False),
        (f"{CLOSED}USER root", False),
        (f"{CLOSED}USER 0", False),
        (f"USER app\n{CLOSED}USER 0:0", False),
        (f"{CLOSED}ARG U\nUSER $U", False),
        (CLOSED.replace("600", "755") + "USER app", False),
        (CLOSED.replace("600", "640") + "USER app", False),  # whether app is in the group root is not known
        (CLOSED.replace("600", "604") + "USER app", False),
        (CLOSED.replace("600", "u=rw") + "USER app", False),
        ("ARG M\n" + CLOSED.replace("600", "$M") + "USER app", False),
        (CLOSED.replace("600 ", "600 --chown=app ") + "USER app", False),
        (CLOSED.replace("600 ", "600 --chown=$W ") + "USER app", False),
        (f"{CLOSED}COPY --from=b --chmod=644 /usr/lib/liblz4.so.1 /usr/lib/\nUSER app", False),
        (f"{CLOSED}COPY libs /lib\nUSER app", False),  # musl goes on to a copy that it may open
        (f"{CLOSED}ADD rootfs.tar.gz /\nUSER app", False),
    ],
)
def test_copies_that_only_root_may_read(run, tail: str, closed: bool) -> None:
    files = {"libs/liblz4.so.1": "x", "rootfs.tar.gz": "x"}
    timeline = run(f"{HEAD}FROM alpine:3.19\n{tail}\n", files)
    found = closed_by(timeline, last(timeline), end(timeline), "so:liblz4.so.1")
    assert (found is not None) == closed
    assert _copied(timeline, "so:liblz4.so.1") in {"yes", "maybe"}


@pytest.mark.parametrize(
    ("again", "closed"),
    [("", True), (" --chmod=600", True), (" --chmod=755", False), (" --chown=app", False)],
)
def test_a_mode_goes_along_from_stage_to_stage(run, again: str, closed: bool) -> None:
    middle = "FROM scratch AS libs\nCOPY --from=b --chmod=600 /usr/lib /collected\n"
    timeline = run(f"{HEAD}{middle}FROM alpine:3.19\nUSER app\nCOPY --from=libs{again} /collected /usr/lib\n")
    found = closed_by(timeline, last(timeline), end(timeline), "so:liblz4.so.1")
    assert (found is not None) == closed
