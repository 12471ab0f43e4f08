"""One image: its files, musl's loader and Python's imports, compared with the findings for its Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.elf.engine import open_engine_image
from dockerlint_alpine.elf.inspection import ObjectReport, inspect
from dockerlint_alpine.proof.image import BuiltImage, off_the_path
from dockerlint_alpine.proof.verify.claims import Claim, Missed, Reality
from dockerlint_alpine.proof.verify.errors import NotVerifiedError
from dockerlint_alpine.proof.verify.import_level import Imported, import_modules, modules_of
from dockerlint_alpine.proof.verify.loader_level import Loaded, ask_loader, find_loader
from dockerlint_alpine.python.sources.dlopen import scan_sources
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.elf.targets import Subject
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.proof.verify.engine import Container
    from dockerlint_alpine.stages import Stage, Timeline

_BUNDLED = lazy_pattern(r"/[\w.-]+\.libs/[^/]+$")
_STANDARD = lazy_pattern(r"/lib/python3\.\d+t?/lib-dynload/")

_HIDDEN = "what ENTRYPOINT or CMD would set (search paths, another user) is not visible to the loader"


class Judged(Struct, frozen=True):
    """A Dockerfile as ``check`` judges it: the findings that are listed, and the stage that is built."""

    path: str
    timeline: Timeline
    stage: Stage
    findings: tuple[Finding, ...]


class ImageProof(Struct, frozen=True):
    """What was proven of one image.

    ``levels`` are those that were reached. ``elsewhere`` are faults of objects that no distribution owns (Python's own
    standard library): said, not held against the project. ``not_verified`` says what was asked for and did not happen.
    """

    name: str
    id: str
    services: tuple[str, ...] = ()
    dockerfile: str | None = None
    alpine: str | None = None
    arch: str | None = None
    digests: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    imported: tuple[Imported, ...] = ()
    claims: tuple[Claim, ...] = ()
    missed: tuple[Missed, ...] = ()
    elsewhere: tuple[Missed, ...] = ()
    notes: tuple[str, ...] = ()
    not_verified: tuple[str, ...] = ()

    @property
    def red(self) -> bool:
        """Whether anything of a distribution will not load, or crashes when it is imported."""
        return any(one.faults for one in self.loaded) or any(one.red for one in self.imported)


def prove_image(
    container: Container,
    judged: Judged | None,
    *,
    importing: bool,
    index: Callable[[Subject], Index | None],
    services: Sequence[str],
    say: Callable[[str], None],
) -> ImageProof:
    """Ask the loader about every extension module of the image and, with ``importing``, import them.

    ``index`` opens the Alpine index of the image's release.
    Raises :class:`NotVerifiedError` where the image can't be read or run at all.
    """
    from dockerlint_alpine.system.unreadable import UnreadableError

    name = container.image
    say(f"reading {name}")
    info = container.engine.image(name)
    try:
        subject = open_engine_image(name, client=container.engine.client)
    except UnreadableError as error:
        raise NotVerifiedError(str(error)) from None
    stage = judged.stage if judged is not None else None
    packages = stage.packages if stage is not None and stage.packages is not None else index(subject)
    # A service may set a search path.
    environment = {**subject.environment, **(container.around.environment or {})}
    inspection = inspect(replace(subject, environment=environment), packages, scan=scan_sources)
    image = BuiltImage(subject, inspection, stage)
    proof = ImageProof(
        name=name,
        id=info.id,
        services=tuple(services),
        dockerfile=judged.path if judged is not None else None,
        alpine=inspection.root.alpine,
        arch=inspection.arch,
        digests=info.digests,
        levels=("bytes",),
        notes=(*inspection.notes, *((_HIDDEN,) if subject.start else ())),
    )
    loader = find_loader(subject.tree)
    if loader is None:
        return replace(proof, not_verified=(f"{name} has no musl loader: it is not Alpine",))
    own = [report.path for report in inspection.objects if _extension(report, image)]
    standard = [report.path for report in inspection.objects if _STANDARD.search(report.path)]
    say(f"loading {len(own)} extension modules with musl's loader")
    loaded = ask_loader(container, subject.tree, loader, [*own, *standard])
    seen = [_out_of_sight(one, subject) for one in loaded]
    doubts = tuple(dict.fromkeys(text for _, texts in seen for text in texts))
    answers = tuple(one for one, _ in seen)
    proof = replace(proof, levels=("bytes", "loader"), loaded=answers[: len(own)], not_verified=doubts)
    imported: tuple[Imported, ...] | None = None
    if importing:
        sound = [one.path for one in proof.loaded if not one.faults]
        modules = modules_of(subject.tree, sound)
        say(f"importing {len(modules)} extension modules")
        imported = import_modules(container, modules)
        late = tuple(f"{one.module}: {one.text}" for one in imported if one.kind == "timeout")
        skipped = len(sound) - len(modules)
        notes = (f"{skipped} objects are no modules that Python imports by name",) if skipped else ()
        proof = replace(
            proof,
            levels=("bytes", "loader", "import"),
            imported=imported,
            notes=(*proof.notes, *notes),
            not_verified=(*proof.not_verified, *late),
        )

    def find(need: str) -> tuple[str, ...]:
        return tuple(provider.package.name for provider in packages.find(need)) if packages is not None else ()

    reality = Reality(image, proof.loaded, imported, find, stage)
    beside = Reality(image, answers[len(own) :], None, find, stage)
    findings = judged.findings if judged is not None else ()
    claims = tuple(reality.claim(finding) for finding in findings if not finding.could_not_judge)
    return replace(
        proof,
        claims=claims,
        missed=tuple(_placed(one, judged) for one in reality.missed(findings)),
        elsewhere=tuple(beside.missed(())),
    )


def _extension(report: ObjectReport, image: BuiltImage) -> bool:
    """Whether the loader is asked about an object by itself: everything of distributions but programs, and but libraries
    that wheels bundle, which are loaded with the modules that need them."""
    if report.facts is None and not report.path.endswith(".so"):
        return False
    if report.facts is not None and report.facts.kind != "shared":
        return False
    return image.in_python(report) and not _BUNDLED.search(report.path)


def _out_of_sight(one: Loaded, subject: Subject) -> tuple[Loaded, tuple[str, ...]]:
    """Take away faults that ENTRYPOINT or CMD may mend: the library is in the image, off the path that the image sets."""
    kept, doubts = [], list[str]()
    for fault in one.faults:
        found = off_the_path(subject, fault.what) if fault.kind == "missing" else None
        if found is None:
            kept.append(fault)
        else:
            doubts.append(f"{one.path} needs {fault.what}, which is at {found}: ENTRYPOINT or CMD may name that folder")
    return replace(one, faults=tuple(kept)), tuple(doubts)


def _placed(miss: Missed, judged: Judged | None) -> Missed:
    """Say where in the Dockerfile the package of a miss goes."""
    from dockerlint_alpine.fixer.placement import add_package

    if judged is None or not miss.packages:
        return miss
    placed = add_package(judged.timeline, judged.stage, miss.packages[0], "runtime", None)
    return miss if placed is None else replace(miss, edit=f"{judged.path}: {placed[0].title}")
