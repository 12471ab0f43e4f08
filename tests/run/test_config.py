from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dockerlint_alpine
from dockerlint_alpine.checks import CHECKS, check_by_topic
from dockerlint_alpine.model.findings import Evidence, Finding, Location
from dockerlint_alpine.report import FORMATS
from dockerlint_alpine.run.codes import names_by_code
from dockerlint_alpine.run.config import OPTIONS, ConfigError, Configuration, Settings, as_dict, find, load, matches
from dockerlint_alpine.system.platforms import APK_ARCH

SCHEMA = json.loads((Path(dockerlint_alpine.__file__).parent / "run" / "config.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

FULL = """\
select = ["AD1", "AD201"]
ignore = ["AD103"]
platforms = ["linux/amd64", "linux/arm/v7"]
target = "runtime"
context = ".."
alpine = "3.20"
python = "3.12"
as-of = "2026-01-31"
online = true
strict = true
exit-zero = true
output-format = ["text", "sarif:out.sarif"]
output-file = "out.txt"
color = "never"
quiet = true
unsafe-fixes = true
require-reason = true
wheels = ["dist"]
rules = ["rules"]
exclude = ["vendor/"]
respect-gitignore = false
force-exclude = true
docs-url = "https://example.org/docs"
per-file-ignores = { "legacy/**" = ["AD4"] }
severity = { AD502 = "warning" }
build-args = { VERSION = "3.19", EMPTY = "" }
moves = { alpine = "3.24", python = "3.14" }
alpine-mirror = "https://mirror.example/alpine"
alpine-index-days = 7
source-hosts = ["git.example.org"]
image-hosts = ["registry.example.org:5000"]
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mine(path: Path) -> Configuration:
    """A file that is the user's own words: it is named, and lies in no project."""
    project = path.parent / "project"
    project.mkdir()
    return load(project, config=path)


def finding(code: str) -> Finding:
    check = check_by_topic(code)
    assert check is not None
    return check.finding("message", at=Location(1, 1, 1, 2), evidence=(Evidence("rule", "detail"),))


# the schema and the settings agree


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_has_every_option_and_its_default() -> None:
    defaults = {name: value for name, value in as_dict(Settings()).items() if value is not None}
    assert set(SCHEMA["properties"]) == {name.replace("_", "-") for name in OPTIONS}
    assert {name: one["default"] for name, one in SCHEMA["properties"].items() if "default" in one} == defaults
    assert all(one["description"] for one in SCHEMA["properties"].values())
    names = {check.code: check.name for check in CHECKS}
    beginnings = {code[:length] for code in names for length in (2, 3, 4, 5)}
    assert names_by_code() == names
    assert SCHEMA["$defs"]["code"]["enum"] == [*sorted(beginnings), *names.values()]
    assert SCHEMA["properties"]["platforms"]["items"]["enum"] == list(APK_ARCH)
    assert SCHEMA["$defs"]["format"]["pattern"] == f"^({'|'.join(FORMATS)})(:.*)?$"


def test_the_full_example_has_every_option(tmp_path: Path) -> None:
    document = tomllib.loads(FULL)
    assert set(document) == set(SCHEMA["properties"])
    VALIDATOR.validate(document)
    configuration = mine(write(tmp_path / "alpine-doctor.toml", FULL))
    assert configuration.settings != Settings()
    assert set(configuration.origins.values()) == {str(tmp_path / "alpine-doctor.toml")}


VALUES: list[object] = [
    *(
        "AD1",
        "AD201",
        "AD",
        "XX",
        "ad1",
        "AD2011",
        "",
        "linux/amd64",
        "linux/arm/v7",
        "windows/amd64",
        "3.20",
        "edge",
        "2026-01-31",
    ),
    *("https://x.y", "http://x y", "ftp://x"),
    *("text", "sarif:x", "xml", "auto", "sometimes", "error", "a b", True, False, 3, 3.2),
    *(["AD1"], ["AD1", 2], [], ["text"], ["linux/amd64"], [""], [["AD1"]], ["xml"], ["a"]),
    *({}, {"AD1": "error"}, {"AD1": "fatal"}, {"A": "b"}, {"A": ""}, {"a b": "c"}, {"x": ["AD1"]}, {"x": [1]}),
]


@pytest.mark.parametrize("option", SCHEMA["properties"])
def test_the_schema_accepts_what_we_accept(option: str, tmp_path: Path) -> None:
    for value in VALUES:
        path = write(tmp_path / "alpine-doctor.toml", f"{option} = {toml(value)}\n")
        error = mistake(path)
        assert (error is None) == VALIDATOR.is_valid({option: value}), (option, value, error)
        assert error is None or (f"`{option}`" in error and "\n" not in error)


def mistake(path: Path) -> str | None:
    """What is wrong with a file, if anything."""
    try:
        load(path.parent)
    except ConfigError as error:
        return str(error)
    return None


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {toml(one)}' for key, one in value.items()) + "}"
    return json.dumps(value)


# where it is read from


def test_nearest_parent_wins(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.alpine-doctor]\nignore = ["AD1"]\n')
    write(tmp_path / "a/alpine-doctor.toml", 'ignore = ["AD2"]\n')
    write(tmp_path / "a/b/pyproject.toml", '[project]\nname = "alpine-doctor-user"\n')
    deep = tmp_path / "a/b/c"
    deep.mkdir()
    assert find(deep) == tmp_path / "a/alpine-doctor.toml"
    assert load(deep).settings.ignore == ("AD2",)
    assert load(tmp_path).settings.ignore == ("AD1",)
    assert load(deep, isolated=True).settings == Settings()
    assert load(deep, config=tmp_path / "pyproject.toml").settings.ignore == ("AD1",)


def test_our_own_file_comes_before_pyproject(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.alpine-doctor]\nstrict = true\n")
    write(tmp_path / "alpine-doctor.toml", "exit-zero = true\n")
    settings = load(tmp_path).settings
    assert settings.exit_zero
    assert not settings.strict


def test_a_broken_pyproject_without_us_is_nobody_s_business(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[[[\n")
    write(tmp_path.parent / tmp_path.name / "sub/pyproject.toml", "\x00")
    assert load(tmp_path / "sub", isolated=False).settings == Settings()


def test_a_broken_pyproject_that_depends_on_us_is_nobody_s_business(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[[[\ndev = ["alpine-doctor>=1"]\n[project.scripts]\nalpine-doctor = "a:b"\n')
    assert load(tmp_path).settings == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "[tool.alpine-doctor]\nstrict = true",
        "[ tool\t. 'alpine-doctor' ] # ours\nstrict = true",
        '["tool"."alpine-doctor"]\nstrict = true',
        "[tool]\nalpine-doctor = {strict = true}",
        "[ 'tool' ]\nalpine-doctor.strict = true",
        "tool.alpine-doctor.strict = true",
        '"tool" = {alpine-doctor = {strict = true}}',
        "[tool.alpine-doctor.severity]\n[tool]\nalpine-doctor.strict = true",
    ],
)
def test_our_table_is_seen_however_it_is_written(text: str, tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", text)
    assert load(tmp_path).settings.strict


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = mine(write(tmp_path / "alpine-doctor.toml", FULL)).settings
    assert settings.context == str(tmp_path / "..")
    assert settings.rules == (str(tmp_path / "rules"),)
    assert settings.output_file == str(tmp_path / "out.txt")
    assert settings.output_format == ("text", f"sarif:{tmp_path / 'out.sarif'}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('selct = ["AD1"]', "unknown option `selct`; did you mean select?"),
        ("exit_zero = true", "unknown option `exit_zero`; did you mean exit-zero?"),
        ("zzz = 1", "unknown option `zzz`"),
        ("alpine = 3.20", '`alpine`: must be a string such as "3.20", not 3.2'),
        ('select = "AD1"', "`select`: must be a list, not 'AD1'"),
        ('output-format = "xml"', "`output-format`: must be one of checkstyle, concise, github"),
        ('ignore = ["AD99"]', "`ignore`: unknown code or prefix: AD99"),
        ('severity = { missing-runtime-libary = "info" }', "did you mean missing-runtime-library"),
        ('platforms = ["linux/mips"]', "`platforms`: 'linux/mips': choose from linux/amd64, linux/arm64"),
        ('as-of = "2026-02-30"', "`as-of`: '2026-02-30': day is out of range for month"),
        ('moves = { python = "edge" }', "`moves`: python=edge: expected alpine=X.Y or python=X.Y"),
        ("select = [", "Invalid value (at end of document)"),
        ('color = "blue"', "`color`: must be one of auto, always, never, not 'blue'"),
        ('exclude = ["a["]', "`exclude`: 'a[' is not a pattern"),
        ("x = " + "[" * 5000, "it is nested too deeply"),
    ],
)
def test_mistakes_are_one_clear_line(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "alpine-doctor.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path, config=tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match=r"no \[tool.alpine-doctor\]"):
        load(tmp_path, config=write(tmp_path / "pyproject.toml", ""))
    with pytest.raises(ConfigError, match="must be a table"):
        load(tmp_path, config=write(tmp_path / "pyproject.toml", "[tool]\nalpine-doctor = 1\n"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match="codec can't decode"):
        load(tmp_path, config=tmp_path / "latin.toml")


@given(st.binary(max_size=60))
def test_any_bytes_give_settings_or_one_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "alpine-doctor.toml")
        path.write_bytes(data)
        assert mistake(path) != ""


# the command line


def test_overrides_and_origins(tmp_path: Path) -> None:
    path = write(
        tmp_path / "alpine-doctor.toml", 'ignore = ["AD1"]\nstrict = true\nbuild-args = { A = "1", B = "2" }\n'
    )
    overrides = {"ignore": ("AD4",), "target": None, "build_args": {"B": "3"}, "output_format": ("json",)}
    configuration = load(tmp_path, overrides=overrides)
    settings, origins = configuration.settings, configuration.origins
    assert settings.ignore == ("AD4",)
    assert settings.output_format == ("json",)
    assert settings.build_args == (("A", "1"), ("B", "3"))
    assert set(origins) == set(OPTIONS)
    assert origins["ignore"] == origins["build_args"] == "command line"
    assert origins["strict"] == str(path)
    assert origins["target"] == "default"


def test_variables_come_between_the_file_and_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "alpine-doctor.toml", 'ignore = ["AD1"]\nstrict = true\ncolor = "never"\n')
    environment = {
        "ALPINE_DOCTOR_IGNORE": "AD4, AD5",
        "ALPINE_DOCTOR_STRICT": "false",
        "ALPINE_DOCTOR_COLOR": "",
        "ALPINE_DOCTOR_ALPINE": "3.20",
        "ALPINE_DOCTOR_CACHE_DIR": "/elsewhere",
    }
    configuration = load(tmp_path, environment=environment, overrides={"alpine": "3.21"})
    settings, origins = configuration.settings, configuration.origins
    assert (settings.ignore, settings.strict, settings.color, settings.alpine) == (
        ("AD4", "AD5"),
        False,
        "never",
        "3.21",
    )
    assert (origins["ignore"], origins["alpine"]) == ("ALPINE_DOCTOR_IGNORE", "command line")
    with pytest.raises(ConfigError, match=r"^ALPINE_DOCTOR_STRICT: must be true or false, not 'perhaps'$"):
        load(tmp_path, environment={"ALPINE_DOCTOR_STRICT": "perhaps"})


def test_a_wrong_override_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--exit-zero: must be true or false, not 'x'$"):
        load(tmp_path, overrides={"exit_zero": "x"}, isolated=True)


def test_settings_can_be_shown_and_sent(tmp_path: Path) -> None:
    settings = mine(write(tmp_path / "alpine-doctor.toml", FULL)).settings
    assert hash(settings) == hash(pickle.loads(pickle.dumps(settings)))
    shown: dict[str, Any] = as_dict(settings)
    VALIDATOR.validate(json.loads(json.dumps(shown)))
    assert shown["per-file-ignores"] == {"legacy/**": ["AD4"]}
    assert shown["build-args"] == {"VERSION": "3.19", "EMPTY": ""}


# what it does to findings


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        (["AD"], [], "AD101 AD103 AD201 AD901"),
        (["AD1"], [], "AD101 AD103 AD901"),
        (["AD1"], ["AD103"], "AD101 AD901"),
        (["AD", "AD103"], ["AD1"], "AD103 AD201 AD901"),
        (["AD201"], ["AD201"], "AD901"),
        (["AD"], ["AD"], ""),
        (["AD"], ["AD9"], "AD101 AD103 AD201"),
        ([], [], "AD901"),
    ],
)
def test_selection(select: list[str], ignore: list[str], expected: str, tmp_path: Path) -> None:
    configuration = load(tmp_path, overrides={"select": select, "ignore": ignore}, isolated=True)
    codes = ("AD101", "AD103", "AD201", "AD901")
    assert " ".join(one.code for one in configuration.adjust("Dockerfile", map(finding, codes))) == expected


def test_per_file_ignores_exclude_and_severity(tmp_path: Path) -> None:
    write(
        tmp_path / "alpine-doctor.toml",
        'per-file-ignores = { "legacy" = ["AD1"] }\nexclude = ["vendor"]\n'
        'severity = { AD = "info", AD20 = "warning" }\n',
    )
    configuration = load(tmp_path)
    legacy, new = str(tmp_path / "legacy/Dockerfile"), str(tmp_path / "new/Dockerfile")
    findings = (finding("AD101"), finding("AD201"))
    assert [one.code for one in configuration.adjust(legacy, findings)] == ["AD201"]
    assert [one.severity for one in configuration.adjust(new, findings)] == ["info", "warning"]
    assert configuration.excludes(str(tmp_path / "x/vendor/Dockerfile"))
    assert not configuration.excludes(new)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("vendor", "vendor", True),
        ("vendor", "a/vendor/b", True),
        ("vendor", "vendored/b", False),
        ("vendor/", "a/vendor/b", True),
        ("/vendor", "vendor/b", True),
        ("/vendor", "a/vendor", False),
        ("a/b", "a/b/c", True),
        ("a/b", "x/a/b", False),
        ("*.Dockerfile", "x/y.Dockerfile", True),
        ("docker/*", "docker/a/b", True),
        ("*/Dockerfile", "a/b/Dockerfile", False),
        ("**/Dockerfile", "a/b/Dockerfile", True),
        ("**/Dockerfile", "Dockerfile", True),
        ("a/**", "a/b/c", True),
        ("a/**/d", "a/d", True),
        ("Dockerfile.?", "Dockerfile.a", True),
        ("Dockerfile.[ab]", "Dockerfile.b", True),
        ("Dockerfile.[!ab]", "Dockerfile.b", False),
        ("Dockerfile.[[]", "Dockerfile.[", True),
        ("Dockerfile.[[:alpha:]]", "Dockerfile.b", True),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("(a|b)", "a", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, msgspec; from pathlib import Path; before = set(sys.modules)\n"
        "import dockerlint_alpine.run.config as config\n"
        "config.load(Path('/'), overrides={'strict': True})\n"
        "print(*set(sys.modules) - before)"
    )
    root = Path(dockerlint_alpine.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert not {"tomllib", "difflib", "json", "click"} & set(run.stdout.split())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"platfroms": []}, "editor: unknown option `platfroms`; did you mean platforms?"),
        ({"strict": "yes"}, "editor: `strict`: must be true or false, not 'yes'"),
    ],
)
def test_overrides_of_somebody_else_are_named_so(given: dict[str, object], message: str, tmp_path: Path) -> None:
    assert load(tmp_path, overrides={"strict": True}, said_by="editor").origins["strict"] == "editor"
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, overrides=given, said_by="editor")
    assert str(raised.value) == message
