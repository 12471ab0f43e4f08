"""What a file of the project may not decide: one line with file and line, and the run goes on without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dockerlint_alpine.cli.check import check
from dockerlint_alpine.cli.fix import fix
from dockerlint_alpine.run.config import OPTIONS, VARIABLES, Settings, load
from dockerlint_alpine.run.trust import project_may, words

Project = Callable[[Mapping[str, str]], Path]
CHECKOUT = Path(__file__).parents[2]


def test_the_table_has_every_setting() -> None:
    assert set(OPTIONS) == set(Settings.__struct_fields__) - {"starts"}
    options = {parameter.name for command in (check, fix) for parameter in command.params}
    assert {name for name, option in OPTIONS.items() if option.on_command_line} == options & set(OPTIONS)


def test_variables_are_as_the_table_says(tmp_path: Path) -> None:
    values = {"platforms": "linux/arm64", "output_format": "json", "alpine": "3.20", "python": "3.12", "color": "never"}
    values |= {
        "as_of": "2026-01-31",
        "docs_url": "https://x.y",
        "alpine_mirror": "https://x.y",
        "select": "AD1",
        "ignore": "AD2",
        "alpine_index_days": "7",
    }
    for name, option in OPTIONS.items():
        value = values.get(name, "true")
        origin = load(tmp_path, environment={VARIABLES + name.upper(): value}).origins[name]
        assert (origin == "default") == option.table, name


OTHERS = {
    "addresses and credentials of package indexes": (
        "the variables and configuration files of pip and uv, netrc and the keyring; an index named by a requirements file,"
        " lock file or Dockerfile is queried only if those name it, too"
    ),
    "contexts and Dockerfiles named by a compose or bake file": "must be inside the project",
    "values of `${NAME}` in a compose or bake file": (
        "the default in the file (`${NAME:-3.19}`), or `--build-arg`; never the environment. For `context`, `dockerfile`,"
        " `target`, `image` and `tags` also the `.env` beside a compose file, which no build argument is taken from"
    ),
    "`x-` keys in a compose file": "may decide what `[tool.alpine-doctor]` may decide",
    "using a container engine": "the command line (`--image`, `inspect image:NAME`, `verify`, `fix --verify`)",
}
"""What is not a setting, and who decides it."""


def test_the_page_prints_the_table() -> None:
    page = (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = []
    for name, option in OPTIONS.items():
        said, variable = ("yes" if has else "" for has in (option.on_command_line, not option.table))
        rows.append(f"| `{name.replace('_', '-')}` | {said} | {variable} | yes | {project_may(option)} |")
    rows += [f"| {what} | {who} |" for what, who in OTHERS.items()]
    assert [line for line in page.splitlines() if line.startswith("| ") and line in rows] == rows


HOSTILE = """\
ignore = ["AD103"]

output-file = "/tmp/victim"
output-format = ["concise:../victim", "json"]
online = true
docs-url = "https://evil.example"
context = "{outside}"
rules = ["rules", "../rules"]
wheels = ["/srv/wheels"]
"""


@pytest.mark.parametrize("name", ["alpine-doctor.toml", "pyproject.toml"])
def test_what_is_not_for_the_project(name: str, tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "rules").mkdir(parents=True)
    (top / ".git").mkdir()
    head = "" if name == "alpine-doctor.toml" else '[project]\nonline = "no"\n[tool.alpine-doctor]\n'
    (top / name).write_text(head + HOSTILE.format(outside=tmp_path))
    found = load(top, environment={})
    settings = found.settings
    assert settings.ignore == ("AD103",)
    assert (settings.output_file, settings.output_format, settings.online) == (None, ("json",), None)
    assert (settings.docs_url, settings.context) == (None, None)
    assert (settings.rules, settings.wheels) == ((str(top / "rules"),), ())
    start = head.count("\n")
    assert [line.partition(":")[2].partition(":")[0] for line in found.refused] == [
        str(start + number) for number in range(3, 10)
    ]
    assert all(line.startswith(str(top / name)) and "\n" not in line for line in found.refused)
    assert (
        f"`online` is not for a project's file to decide: ignored (use {words('online', OPTIONS['online'])})"
        in found.refused[2]
    )
    assert found.origins["online"] == "default"


def test_a_link_in_the_project_leads_nowhere_else(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / ".git").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (top / "wheels").symlink_to("../outside")
    (top / "alpine-doctor.toml").write_text('wheels = ["wheels"]\ncontext = "wheels"\n')
    found = load(top)
    assert (found.settings.wheels, found.settings.context, len(found.refused)) == ((), None, 2)


def test_a_named_file_of_the_project_is_the_project_s(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / ".git").mkdir(parents=True)
    for place in (top / "ci.toml", tmp_path / "mine.toml"):
        place.write_text("online = true\n")
    assert load(top, config=top / "ci.toml").settings.online is None
    assert load(top, config=tmp_path / "mine.toml").settings.online is True


def test_the_user_s_own_configuration(tmp_path: Path) -> None:
    top, home = tmp_path / "top", tmp_path / "home"
    own = home / ".config" / "alpine-doctor" / "alpine-doctor.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        'online = true\noutput-file = "report.txt"\nignore = ["AD1"]\nstrict = true\n[build-args]\nA = "1"\nB = "1"\n'
    )
    (top / ".git").mkdir(parents=True)
    (top / "alpine-doctor.toml").write_text('ignore = ["AD2"]\nonline = false\n[build-args]\nB = "2"\n')
    environment = {"HOME": str(home), "ALPINE_DOCTOR_STRICT": "false"}
    found = load(top, environment=environment)
    settings, origins = found.settings, found.origins
    assert (settings.ignore, settings.strict, settings.online) == (("AD2",), False, False)
    assert settings.output_file == str(own.parent / "report.txt")
    assert settings.build_args == (("A", "1"), ("B", "2"))
    assert (origins["output_file"], origins["ignore"]) == (str(own), str(top / "alpine-doctor.toml"))
    assert (found.user_path, found.refused) == (own, ())
    assert load(top, environment=environment, isolated=True).settings == Settings()
    assert load(top).user_path is None
    elsewhere = {"HOME": str(home), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert load(top, environment=elsewhere).user_path is None


def test_a_user_s_configuration_in_the_project_is_nobody_s(tmp_path: Path) -> None:
    own = tmp_path / ".config" / "alpine-doctor" / "alpine-doctor.toml"
    own.parent.mkdir(parents=True)
    own.write_text("online = true\n")
    (tmp_path / "sub" / ".git").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    found = load(tmp_path, environment={"XDG_CONFIG_HOME": str(tmp_path / ".config")})
    assert found.settings.online is None
    assert "not read as your own configuration" in found.refused[0]
