from __future__ import annotations

import pytest

from dockerlint_alpine.stages import library_copied
from tests.stages.support import end

HEAD = "FROM alpine:3.19 AS b\nRUN apk add lz4-libs\n"


@pytest.mark.parametrize(
    ("tail", "answer"),
    [
        ("COPY --from=b /usr/lib/liblz4.so.1* /usr/lib/", "yes"),
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
    files = {"libs/liblz4.so.1": "x", "rootfs.tar.gz": "x"}
    timeline = run(f"{HEAD}FROM alpine:3.19\n{tail}\n", files)
    assert library_copied(timeline, end(timeline), "so:liblz4.so.1") == answer


def test_a_stage_in_between(run) -> None:
    text = (
        f"{HEAD}FROM scratch AS libs\nCOPY --from=b /usr/lib /collected\n"
        "FROM alpine:3.19\nCOPY --from=libs /collected /usr/lib\n"
    )
    timeline = run(text)
    assert library_copied(timeline, end(timeline), "so:liblz4.so.1") == "yes"
    assert library_copied(timeline, end(timeline), "so:libnosuch.so.1") == "no"


@pytest.mark.parametrize(
    "command",
    ["cp /usr/lib/liblz4.so.1 /deps/", "cp -a /usr/lib/liblz4.so* /deps", "mkdir /deps && cp /usr/lib/*.so* /deps"],
)
def test_libraries_collected_with_cp(run, command: str) -> None:
    text = f"{HEAD}RUN {command}\nFROM alpine:3.19\nCOPY --from=b /deps /usr/lib\n"
    timeline = run(text)
    assert library_copied(timeline, end(timeline), "so:liblz4.so.1") == "yes"


@pytest.mark.parametrize(("times", "answer"), [(20, "no"), (200, "maybe")])
def test_copies_in_circles_end(run, times: int, answer: str) -> None:
    """Beyond a depth that nobody writes by hand the answer is that it isn't known."""
    commands = "".join(f"RUN cp -r /{a} /{b}\n" for a, b in ["xy", "yx"] * times)
    timeline = run(f"FROM alpine:3.19\n{commands}FROM alpine:3.19\nCOPY --from=0 /x /usr/lib\n")
    assert library_copied(timeline, end(timeline), "so:liblz4.so.1") == answer
