"""``python -m dockerlint_alpine``."""

from __future__ import annotations

from dockerlint_alpine.cli import main

if __name__ == "__main__":
    main()
