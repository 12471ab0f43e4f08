"""The report as JSON; ``schema.json`` beside this module describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from dockerlint_alpine.system.records import fields_of

if TYPE_CHECKING:
    from dockerlint_alpine.proof.verify.claims import Claim
    from dockerlint_alpine.proof.verify.image_proof import ImageProof
    from dockerlint_alpine.proof.verify.model import Check, VerifyReport

VERSION = 1


def to_json(report: VerifyReport) -> dict[str, Any]:
    """Return the document; texts are as they are, redaction is the caller's."""
    return {
        "version": VERSION,
        **fields_of(report, "target run verdict exit_code level started seconds"),
        "engine": dict(report.engine),
        "checks": [_check(check) for check in report.checks],
        "services": to_builtins(report.services),
        "images": [_image(proof) for proof in report.images],
        "before": [_image(proof) for proof in report.before],
        "causes": to_builtins(report.causes),
        "fix": to_builtins(report.fix),
        "metrics": [
            {"metric": name, "target": target, "actual": actual, "met": met}
            for name, target, actual, met in metrics(report)
        ],
        **fields_of(report, "not_verified notes"),
        "inputs": dict(report.inputs),
    }


def _check(check: Check) -> dict[str, Any]:
    names = ("name", "level", "service", "status", "before", "detail", "reason", "seconds", "blocked_by")
    return {name: getattr(check, name) for name in names}


def _image(proof: ImageProof) -> dict[str, Any]:
    return {
        **fields_of(proof, "name id services dockerfile alpine arch digests levels"),
        "extensions": len(proof.loaded),
        "faults": [
            {"path": one.path, "kind": fault.kind, "what": fault.what, "needed_by": fault.needed_by, "line": fault.line}
            for one in proof.loaded
            for fault in one.faults
        ],
        "imports": [
            {"module": one.module, "path": one.path, "kind": one.kind, "text": one.text}
            for one in proof.imported
            if one.kind != "imported"
        ],
        "imported": sum(1 for one in proof.imported if one.kind == "imported"),
        "claims": [_claim(claim) for claim in proof.claims],
        "missed": to_builtins(proof.missed),
        "elsewhere": to_builtins(proof.elsewhere),
        "notes": list(proof.notes),
    }


def _claim(claim: Claim) -> dict[str, Any]:
    finding = claim.finding
    return {
        **fields_of(finding, "code message"),
        "line": finding.location.line,
        "distribution": finding.distribution.name if finding.distribution is not None else None,
        **fields_of(finding, "need packages"),
        **fields_of(claim, "verdict level reason"),
    }


def metrics(report: VerifyReport) -> list[tuple[str, str, str, bool]]:
    """Metric, target, actual, and whether the target is met.

    Counted from the checks, so that what did not run is no success.
    """
    rows: list[tuple[str, str, str, bool]] = []
    for level, name in (
        ("build", "Images built"),
        ("loader", "Images that musl's loader accepts"),
        ("import", "Images whose extensions import"),
        ("start", "Services up"),
        ("health", "Services healthy"),
        ("probes", "Probes answered"),
    ):
        checks = [check for check in report.checks if check.level == level]
        if checks:
            rows.append((name, *_share(sum(not check.bad and not check.open for check in checks), len(checks))))
    proofs = report.before or report.images
    judged = [claim for proof in proofs for claim in proof.claims if claim.verdict != "not-reached"]
    if judged:
        held = sum(claim.verdict == "confirmed" for claim in judged)
        rows.append(("Findings that the engine confirms", *_share(held, len(judged))))
    missed = sum(len(proof.missed) for proof in proofs)
    if any("loader" in proof.levels for proof in proofs):
        rows.append(("Faults that no finding told", "0", str(missed), missed == 0))
    if report.fix is not None:
        rows.append(("Fix proven and kept", "yes", "yes" if report.fix.kept else "no", report.fix.kept))
    return rows


def _share(good: int, of: int) -> tuple[str, str, bool]:
    return f"{of}/{of}", f"{good}/{of}", good == of
