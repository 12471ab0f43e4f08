"""Examples for the help of commands whose own text has none: by the words behind ``alpine-doctor``."""

from __future__ import annotations

EXAMPLES = {
    "explain": ("explain AD201", "explain lz4", "explain liblz4.so.1", "explain lz4-dev --alpine 3.20"),
    "inspect": ("inspect dist/*.whl", "inspect .venv --alpine 3.20", "inspect image:myapp:latest"),
    "index list": ("index list", "index list --output-format json"),
    "index search": ("index search so:liblz4.so.1", "index search cmd:pg_config --alpine 3.20"),
    "index simulate": (
        "index simulate postgresql-dev --alpine 3.19",
        "index simulate lz4-dev --alpine 3.20 --platform linux/arm64 --installed musl",
    ),
    "index update": ("index update --alpine 3.20 --alpine 3.21",),
    "rules list": ("rules list", "rules list --kind library"),
    "rules show": ("rules show lz4", "rules show lz4 --kind library"),
    "rules validate": ("rules validate", "rules validate my-rules"),
    "rules new": ("rules new lz4 --rules my-rules",),
    "rules refresh": ("rules refresh lz4 --rules my-rules",),
    "rules export": ("rules export --output-format pep804 --alpine 3.20",),
}
