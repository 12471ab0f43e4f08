"""How right are derived indexes? Alpine 3.22 is made of 3.21 and its recipes and held against the real 3.22.

    python benchmarks/derived_index.py [--sets 1000] [--seed 1]

Prints how many closures of random package sets are equal, how many packages they miss or have too many, how many
providers agree, how well the chances of carried sonames are calibrated, and how findings of generated Dockerfiles differ.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

from msgspec.structs import replace

from dockerlint_alpine.apk import IndexStore, World
from dockerlint_alpine.apk.build import one_each, write_database
from dockerlint_alpine.apk.database import EMBEDDED
from dockerlint_alpine.apk.derive import derive, library_of, read_recipes
from dockerlint_alpine.apk.snapshot import Hold, Snapshot, read_snapshot
from dockerlint_alpine.knowledge import Knowledge
from dockerlint_alpine.run.analysis import Doctor, configure

ALPINE = Path(__file__).resolve().parents[1] / "rules" / "alpine"
RELEASE = "3.22"
PYTHON = "3.12"


def snapshots() -> tuple[list[Snapshot], list[Snapshot]]:
    """The real index of the release (main of x86_64, community of aarch64) and the one that is made for it."""
    every = [read_snapshot(path) for path in sorted(ALPINE.glob("*.APKINDEX.tar.gz"))]
    known = one_each(every)
    real = [snapshot for snapshot in known if snapshot.release == RELEASE]
    history = [snapshot for snapshot in known if snapshot.release != RELEASE]
    base = [snapshot for snapshot in history if snapshot.release == "3.21"]
    made = derive(read_recipes(ALPINE / f"v{RELEASE}-recipes.tsv.gz"), base, {}, history)
    return real, list(made)


def store_of(found: list[Snapshot], folder: Path) -> IndexStore:
    """A store that has these snapshots and no other; one of another architecture is taken for x86_64's."""
    folder.mkdir()
    write_database(
        folder / EMBEDDED, [replace(snapshot, arch="x86_64", index=_on_x86_64(snapshot)) for snapshot in found]
    )
    return IndexStore(folder)


def _on_x86_64(snapshot: Snapshot):
    theirs, ours = f"musl-{snapshot.arch}.", "musl-x86_64."
    records = (
        replace(one, depends=one.depends.replace(theirs, ours), provides=one.provides.replace(theirs, ours))
        for one in snapshot.index.records
    )
    return replace(snapshot.index, records=tuple(records))


def providers(real: list[Snapshot], made: list[Snapshot]) -> None:
    """Print who provides what in both, and whether the chances of carried sonames hold."""
    theirs, ours = ({one.name: one for s in found for one in s.index.records} for found in (real, made))
    print(f"names: {len(theirs)} real, {len(ours)} made, {len(theirs.keys() & ours.keys())} in both")
    for kind in ("so:", "pc:", "cmd:"):
        found, truth = {}, {}
        for records, target in ((ours, found), (theirs, truth)):
            for one in records.values():
                for token in one.provides.split():
                    if token.startswith(kind):
                        target.setdefault(token.partition("=")[0], set()).add(one.name)
        same = sum(truth.get(token) == names for token, names in found.items())
        print(f"{kind} {len(found)} made, the same providers in {same / len(found):.1%}; real {len(truth)}")
    held, count = Counter(), Counter()
    holds = made[0].derived.holds
    for one in ours.values():
        if one.name not in theirs:
            continue
        there = {token.partition("=")[0] for token in theirs[one.name].provides.split()}
        libraries = {library_of(token) for token in there if token.startswith("so:")}
        for token in one.provides.split():
            soname = token.partition("=")[0]
            if soname.startswith("so:"):
                hold = holds.get((soname, one.name), Hold(1, 1))
                for what, chance, right in (
                    ("soname", hold.exact, soname in there),
                    ("library", hold.library, library_of(soname) in libraries),
                ):
                    band = "likely" if chance >= 0.95 else "possible" if chance >= 0.8 else "less"
                    count[what, band] += 1
                    held[what, band] += right
    for key in sorted(count):
        print(f"{' '.join(key)}: {count[key]}, held {held[key] / count[key]:.1%}")


def closures(real: IndexStore, made: IndexStore, names: list[str], sets: int, dice: random.Random) -> None:
    """Print how the closures of random sets of ``names`` differ."""
    theirs, ours = real.open(RELEASE), made.open(RELEASE)
    total, missing, extra, equal, refused, read, equal_read = 0, Counter(), Counter(), 0, 0, 0, 0
    for _ in range(sets):
        asked = dice.sample(names, dice.choice((1, 2, 3, 5, 8)))
        truth, found = World.of(theirs, asked), World.of(ours, asked)
        refused += found.solution.ok != truth.solution.ok
        total += len(truth.packages)
        equal += truth.packages.keys() == found.packages.keys()
        missing.update(truth.packages.keys() - found.packages.keys())
        extra.update(found.packages.keys() - truth.packages.keys())
        if not ours.unread(found.packages.values()):
            read += 1
            equal_read += truth.packages.keys() == found.packages.keys()
    print(
        f"{sets} sets, {total} packages: {equal} closures equal ({equal_read} of {read} without a package that is new),"
        f" {sum(missing.values()) / total:.2%} of the packages missing, {sum(extra.values()) / total:.2%} too many,"
        f" {refused} refused by one only"
    )
    print(f"  most often missing: {missing.most_common(6)}; too many: {extra.most_common(6)}")


def findings(
    real: IndexStore, made: IndexStore, knowledge: Knowledge, names: list[str], sets: int, dice: random.Random
) -> None:
    """Print how the findings of Dockerfiles with such sets, each with two compiled distributions, differ."""
    rules = [name for name in knowledge.names("distribution") if knowledge.facts.releases(name)]
    counts, confidence = Counter(), Counter()
    doctors = [Doctor(configure(), store=store, knowledge=knowledge) for store in (real, made)]
    for _ in range(sets):
        packages = " ".join(dice.sample(names, dice.choice((0, 1, 2, 4))))
        wanted = " ".join(dice.sample(rules, 2))
        text = (
            f"FROM python:{PYTHON}-alpine{RELEASE} AS build\nRUN apk add --no-cache gcc musl-dev {packages}\n"
            f"RUN pip install --no-binary :all: --prefix=/i {wanted}\nFROM python:{PYTHON}-alpine{RELEASE}\n"
            f"RUN apk add --no-cache {dice.choice(names)}\nCOPY --from=build /i /usr/local\n"
        )
        truth, found = (_told(doctor, text) for doctor in doctors)
        for key in truth.keys() | found.keys():
            where = "both" if key in truth and key in found else "real only" if key in truth else "made only"
            counts[where] += 1
            if where == "made only":
                confidence[found[key]] += 1
    print(f"{sets} Dockerfiles, findings: {dict(counts)}; those of the made index only: {dict(confidence)}")


def _told(doctor: Doctor, text: str) -> dict[tuple[str, ...], str]:
    report = doctor.check_bytes(text.encode(), Path("Dockerfile"))
    return {
        (one.code, one.need or "", *one.packages, one.distribution.name if one.distribution else ""): one.confidence
        for one in report.findings
        if one.code.startswith(("AD1", "AD2", "AD3"))
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    real, made = snapshots()
    providers(real, made)
    knowledge = Knowledge.open()
    with tempfile.TemporaryDirectory() as folder:
        stores = store_of(real, Path(folder, "real")), store_of(made, Path(folder, "made"))
        index = stores[0].open(RELEASE)
        every = sorted(one.name for snapshot in real for one in snapshot.index.records)
        print("all packages: ", end="")
        closures(*stores, every, options.sets, dice)
        libraries = [library for name in knowledge.names("library") if (library := knowledge.library(name)) is not None]
        needs = [need for one in libraries for need in (*one.build_needs(RELEASE), *one.runtime_needs(RELEASE))]
        usual = sorted({found[0].package.name for need in needs if (found := index.find(need))})
        print(f"the {len(usual)} packages of the libraries in the rules: ", end="")
        closures(*stores, usual, options.sets, dice)
        findings(*stores, knowledge, usual, options.sets, dice)


if __name__ == "__main__":
    main()
