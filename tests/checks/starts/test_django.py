"""AD204: what Django loads by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockerlint_alpine.model.findings import FileReport

    Judge = Callable[..., FileReport]

PY = "FROM python:3.12-alpine3.20\nWORKDIR /srv\nCOPY . .\n"
STARTS = "import os\ndef f():\n    os.system('{}')\n"
SETTINGS = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings.dev')\n"
FILES = {
    "manage.py": f"import os\n{SETTINGS}",
    "site1/__init__.py": "",
    "site1/wsgi.py": f"import os\n{SETTINGS}",
    "site1/settings/__init__.py": "",
    "site1/settings/dev.py": "from .base import *\nINSTALLED_APPS += ['tools']\n",
    "site1/settings/prod.py": "from .base import *\n",
    "site1/settings/base.py": "INSTALLED_APPS = ['django.contrib.admin', 'blog.apps.BlogConfig']\n"
    "ROOT_URLCONF = 'site1.urls'\nMIDDLEWARE = ['site1.seen.Seen']\n",
    "site1/seen.py": STARTS.format("jq"),
    "site1/urls.py": "urlpatterns = [path('x', include('shop.urls')), path('y', include('none.urls'))]\n",
    "blog/__init__.py": "",
    "blog/apps.py": "class BlogConfig: pass\n",
    "blog/models.py": STARTS.format("git gc"),
    "blog/unused.py": STARTS.format("nmap x"),
    "shop/__init__.py": "",
    "shop/urls.py": "from . import views\n",
    "shop/views.py": STARTS.format("pdfinfo x"),
    "tools/__init__.py": "",
    "tools/tasks.py": STARTS.format("psql"),
}


@pytest.mark.parametrize(
    ("start", "programs"),
    [
        ("CMD python manage.py runserver", ["git", "jq", "pdfinfo", "psql"]),
        ("CMD gunicorn site1.wsgi", ["git", "jq", "pdfinfo", "psql"]),
        ("ENV DJANGO_SETTINGS_MODULE=site1.settings.prod\nCMD python manage.py x", ["git", "jq", "pdfinfo"]),
        ("ENV DJANGO_SETTINGS_MODULE=other\nCMD python manage.py x", []),
        ("CMD python blog/apps.py", []),
    ],
)
def test_modules_that_settings_name(judge: Judge, start: str, programs: list[str]) -> None:
    report = judge(f"{PY}{start}\n", FILES, select=["AD204"])
    assert sorted(one.need.removeprefix("cmd:") for one in report.findings if one.need) == programs
