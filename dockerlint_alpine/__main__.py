"""The program: ``alpine-doctor`` and ``python -m dockerlint_alpine``."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line."""
    # As mypy: what imports and rules make stays to the end, looking for it is in vain.
    gc.set_threshold(200_000, 30, 30)
    from dockerlint_alpine.cli import main as run

    run()


if __name__ == "__main__":
    main()
