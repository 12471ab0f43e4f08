"""The program as a user without the rights of root: files that can't be read, folders that can't be written."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import arena

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_what_may_not_be_read_or_written(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each is one line with its reason; what can be judged is; nothing of ours is left behind."""
    root = Path("/tmp") / f"alpine-doctor-user-{os.getpid()}"
    project = root / "project"
    project.mkdir(parents=True)
    try:
        sound = "FROM python:3.11-alpine3.19\nRUN apk add gcc && pip install lz4==4.4.5\n"
        for name in ("a", "b", "c"):
            (project / name).mkdir()
            (project / name / "Dockerfile").write_text(sound)
        (project / "c" / "Dockerfile").write_text(
            sound + "COPY requirements.txt .\nRUN pip install -r requirements.txt\n"
        )
        (project / "c" / "requirements.txt").write_text("psycopg2\n")
        (project / "c" / "requirements.txt").chmod(0)
        (project / "b" / "Dockerfile").chmod(0)
        root.chmod(0o755)
        nobody = pwd.getpwnam("nobody")
        as_user = [
            "setpriv",
            f"--reuid={nobody.pw_uid}",
            f"--regid={nobody.pw_gid}",
            "--clear-groups",
            "--bounding-set=-all",
        ]
        if (
            shutil.which("setpriv") is None
            or subprocess.run([*as_user, sys.executable, "-c", ""], check=False).returncode
        ):
            pytest.skip("this Python can't be run as another user here")
        home = {"HOME": str(root), "ALPINE_DOCTOR_CACHE_DIR": "/nonexistent/cache", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [*as_user, sys.executable, "-m", "dockerlint_alpine"]
        before = sorted(project.rglob("*"))
        done = arena.program([*command, "check", "--no-cache", "."], cwd=project, env=home).sound(2)
        done.says("a/Dockerfile", "b/Dockerfile", "Permission denied", "requirements.txt can't be read")
        fixed = arena.program([*command, "fix", "."], cwd=project, env=home).sound(2)
        fixed.says("can't be written")
        assert (project / "a" / "Dockerfile").read_text() == sound
        assert sorted(project.rglob("*")) == before
    finally:
        shutil.rmtree(root)
