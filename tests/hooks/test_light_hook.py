"""The hook that installs the wheel says the same as the one that installs the checkout."""

from __future__ import annotations

import yaml

from dockerlint_alpine import __version__
from tests.conftest import CHECKOUT


def test_it_differs_in_what_is_installed_alone() -> None:
    (repository,) = yaml.safe_load((CHECKOUT / "docs" / "ci" / "light-hook.yaml").read_text())
    (light,) = repository["hooks"]
    source = {hook["id"]: hook for hook in yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())}
    assert light.pop("additional_dependencies") == [f"alpine-doctor=={__version__}"]
    assert light == {key: value for key, value in source["alpine-doctor"].items() if key != "description"}
