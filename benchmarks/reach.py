"""How far a run comes with an index at hand: the share of distributions that stay unknown, and how long it takes.

``python benchmarks/reach.py INDEX_URL FOLDER... [--mode default|online|offline]`` checks each folder twice, the first time
with an empty cache, as a user does whose pip is configured for INDEX_URL (``benchmarks/loopback_index.py`` serves one). A
line each: the seconds of both runs, Dockerfiles, distributions that Alpine stages install and those of them of which nothing
is known, with their names, and what was said of the network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_OPTIONS = {"default": (), "online": ("--online",), "offline": ("--offline",)}
_SHOWN = 12
_LINE = "{:7.2f} {:6.2f} {:5.0f} {:6.0f} {:5.0f}"


def counted(mode: str, folder: str) -> str:
    """Dockerfiles, distributions, unknown ones and the names of some, of what is kept and embedded."""
    from dockerlint_alpine.cli import common, online
    from dockerlint_alpine.run.analysis import Doctor, configure
    from dockerlint_alpine.run.jobs import read_job
    from dockerlint_alpine.run.reading import UnreadableError
    from dockerlint_alpine.stages.model import InstallStep

    configured = configure(online={"online": True, "offline": False}.get(mode))
    doctor = Doctor(configured, resolver=online.open_resolver(configured.settings, quick=False))
    kinds: list[tuple[str, str]] = []
    files = 0
    for job in common.jobs_for((folder,), configured)[0]:
        try:
            timelines = doctor.for_job(job).timelines(read_job(job), job.path, shown_as=job.shown_as)
        except UnreadableError:
            continue
        files += 1
        steps = (step for one in timelines for stage in one.stages.values() for step in stage.steps)
        installs = (step for step in steps if isinstance(step, InstallStep))
        kinds += [(one.resolved.name, one.resolved.artefact.kind) for step in installs for one in step.installed]
    unknown = [name for name, kind in kinds if kind == "unknown"]
    return f"{files} {len(kinds)} {len(unknown)} {','.join(sorted(set(unknown))[:_SHOWN])}"


def main() -> None:
    """Measure the folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--mode", choices=sorted(_OPTIONS), default="default")
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.count:
        print(counted(given.mode, given.folders[0]))
        return
    totals = [0.0, 0.0, 0.0, 0.0, 0.0]
    for folder in given.folders:
        with tempfile.TemporaryDirectory() as cache:
            own = {"ALPINE_DOCTOR_CACHE_DIR": cache, "PIP_INDEX_URL": given.index, "PIP_CONFIG_FILE": os.devnull}
            own["ALPINE_DOCTOR_ALPINE_INDEX_DAYS"] = "99999"  # this is about the other index
            hidden = {"CI", *(name for name in os.environ if name.startswith(("UV_", "PIP_")))}
            variables = {name: value for name, value in os.environ.items() if name not in hidden} | own
            check = (sys.executable, "-m", "dockerlint_alpine", "check", "--exit-zero", "--output-format", "json")
            count = (sys.executable, __file__, given.index, "--count", "--mode", given.mode, folder)
            seconds, said = [], ""
            for command in (check + _OPTIONS[given.mode] + (folder,),) * 2 + (count,):
                start = time.monotonic()
                done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
                seconds.append(time.monotonic() - start)
                said = said or (done.stderr.strip().splitlines() or [""])[-1]
            files, every, unknown, *names = done.stdout.split() or ("0", "0", "0")
            found = [*seconds[:2], float(files), float(every), float(unknown)]
            totals = [total + one for total, one in zip(totals, found, strict=True)]
            print(
                "{:7.2f} {:6.2f} {:5.0f} {:6.0f} {:5.0f}".format(*found),
                Path(folder).name,
                *names,
                said[:120],
                flush=True,
            )
    print("{:7.2f} {:6.2f} {:5.0f} {:6.0f} {:5.0f}".format(*totals), "all")


if __name__ == "__main__":
    main()
