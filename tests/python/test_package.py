# ruff: noqa: E501 - the lines are test data
from __future__ import annotations

import subprocess
import sys


def test_a_plain_check_loads_nothing_heavy() -> None:
    """The flagship case: a pinned requirement, judged and resolved, without packaging, libcst or the network modules."""
    program = """
import sys
sys.path.insert(0, 'tests')
from tests.python.conftest import MemoryFacts, MemoryFiles
from dockerlint_alpine.python.model import Release, Target
from dockerlint_alpine.python.formats.requirements_file import read_requirements
from dockerlint_alpine.python.resolve import resolve
before = {name for name in sys.modules if name.partition('.')[0] in HEAVY}
files = MemoryFiles({'/app/r.txt': "lz4==4.4.5\\nclickhouse-connect>=0.8,<1 ; python_version >= '3.8'\\nuvicorn[standard]~=0.3\\n"})
facts = MemoryFacts({'lz4': [Release('4.4.5'), Release('4.4.6rc1')], 'clickhouse-connect': [Release('0.8')]}, {'clickhouse-connect': ["lz4 ; extra == 'x'"]})
assert resolve(read_requirements('/app/r.txt', files), Target('3.11', musl=(1, 2)), facts).distributions
print(sorted({name for name in sys.modules if name.partition('.')[0] in HEAVY} - before))
""".replace(
        "HEAVY",
        "{'packaging', 'libcst', 'urllib3', 'tomllib', 'configparser', 'tarfile', 'subprocess', 'http', 'json', 'shlex'}",
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
