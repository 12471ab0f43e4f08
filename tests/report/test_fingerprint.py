from __future__ import annotations

from msgspec.structs import replace

from dockerlint_alpine.model.findings import Finding
from dockerlint_alpine.model.reports import FileReport
from dockerlint_alpine.report.fingerprint import fingerprints

from . import scenes


def moved(finding: Finding, lines: int) -> Finding:
    place = finding.location
    return replace(finding, location=replace(place, line=place.line + lines, end_line=place.end_line + lines))


def test_lines_that_move_change_nothing() -> None:
    for file in (scenes.netra(), scenes.single()):
        later = replace(file, findings=tuple(moved(finding, 7) for finding in file.findings))
        assert fingerprints(later) == fingerprints(file)


def test_a_message_that_names_a_line_changes_nothing() -> None:
    one = replace(scenes.single().findings[3], message="requirements.txt:7 can't be read, see line 12")
    two = replace(one, message="requirements.txt:9 can't be read, see line 14")
    assert fingerprints(FileReport("D", (one,))) == fingerprints(FileReport("D", (two,)))


def test_all_differ() -> None:
    report = scenes.everything()
    found = [identity for file in report.files for identity in fingerprints(file)]
    assert len(set(found)) == len(found) == len(report.findings)


def test_each_part_counts() -> None:
    finding = scenes.missing_runtime_library()
    assert finding.stage is not None
    assert finding.distribution is not None
    variants = [
        finding,
        replace(finding, code="AD202"),
        replace(finding, need="so:liblz4.so.2"),
        replace(finding, stage=replace(finding.stage, index=2)),
        replace(finding, distribution=replace(finding.distribution, name="lz5")),
    ]
    assert len({fingerprints(FileReport("D", (variant,))) for variant in variants}) == len(variants)
    assert fingerprints(FileReport("D", (finding,))) != fingerprints(FileReport("E", (finding,)))
    assert fingerprints(FileReport("./D", (finding,))) == fingerprints(FileReport("D", (finding,)))
