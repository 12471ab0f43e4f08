"""AD103: what is an accident, and what whoever wrote the list meant."""

from __future__ import annotations

import pytest

from tests.conftest import Judge

BUILD = "FROM python:3.11-alpine3.19\nRUN apk add --no-cache gcc musl-dev {packages}\nRUN pip install {what}\n"


def _implicit(judge: Judge, packages: str, what: str) -> dict[str, str]:
    report = judge(BUILD.format(packages=packages, what=what))
    return {finding.packages[0]: finding.severity for finding in report.findings if finding.code == "AD103"}


@pytest.mark.parametrize(
    ("packages", "what"),
    [
        ("mariadb-dev", "mysqlclient==2.2.0"),  # nothing else has a use for mariadb-dev
        ("openldap-dev", "python-ldap==3.4.3"),  # python-ldap links libldap too
        ("jpeg-dev zlib-dev", "--no-binary pillow pillow==10.0.0"),  # jpeg-dev is libjpeg-turbo-dev by another name
        ("libxslt-dev", "--no-binary lxml lxml==4.9.3"),  # lxml links libxslt too
        ("postgresql-dev", "psycopg2==2.9.9"),
    ],
)
def test_what_the_author_meant_is_no_accident(judge: Judge, packages: str, what: str) -> None:
    assert _implicit(judge, packages, what) == {}


def test_a_need_that_another_distribution_brings_along_is_an_accident(judge: Judge) -> None:
    """libxml2-dev is there for lxml; that it depends on zlib-dev, which Pillow insists on, nobody asked for."""
    found = _implicit(judge, "jpeg-dev libxslt-dev libxml2-dev", "--no-binary :all: lxml==4.9.3 pillow==10.0.0")
    assert found.get("zlib-dev") == "warning"


def test_a_feature_that_an_accident_switches_on_is_an_information(judge: Judge) -> None:
    report = judge(BUILD.format(packages="linux-headers mariadb-dev", what="uwsgi==2.0.31 mysqlclient==2.2.0"))
    found = {finding.packages[0]: finding for finding in report.findings if finding.code == "AD103"}
    assert {name: finding.severity for name, finding in found.items()} == {"openssl-dev": "info", "zlib-dev": "info"}
    https = found["openssl-dev"]
    assert "links openssl for HTTPS and websockets only because mariadb-dev pulls in openssl-dev" in https.message
    assert https.fix is not None
    assert https.fix.applicability == "unsafe"
    assert any("otherwise it does without HTTPS and websockets" in evidence.detail for evidence in https.evidence)


def test_headers_are_not_linked(judge: Judge) -> None:
    report = judge(BUILD.format(packages="libffi-dev", what="psutil==5.6.0"))
    (finding,) = [finding for finding in report.findings if finding.code == "AD103"]
    assert finding.message.startswith("psutil 5.6.0 finds linux-headers only because libffi-dev pulls in linux-headers")
