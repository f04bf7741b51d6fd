"""docs/operator.md leads on from everything that can be seen."""

import re

import pytest

from deploy.operations.doctor.checks import CHECKS
from deploy.operations.runbooks import page as runbooks
from tests.checkout import ROOT
from tests.deploy.text.prometheus.rendered import alerts
from tests.docs.operator import LINES, PAGE, PEOPLE, lines, text
from tests.docs.test_wire import first_cells


def test_the_page_is_written_from_what_there_is() -> None:
    """After a new alert, check, runbook, code or log line: `PYTHONPATH=app:. python -m tests.docs.operator`."""
    assert PAGE.read_text() == text(), "PYTHONPATH=app:. .venv/bin/python -m tests.docs.operator"


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("alerts", [f"| `{one['alert']}` | " for one in alerts()]),
        ("checks", [f"| `{check.id}` | [{check.sentence}](doctor.md#{check.id}): [" for check in CHECKS]),
        ("runbooks", [f" | [{name}](runbooks/{name}.md) |" for name in runbooks.names()]),
        ("closes", [f"| {code}: " for code in first_cells("Close codes") if code != "code"]),
        ("errors", [f"| `{code}`: " for code in first_cells("Error codes") if code != "code"]),
        ("handshakes", [f"| {code}: " for code in first_cells("The handshake") if code.isdecimal()]),
    ],
)
def test_everything_that_has_a_name_is_in_it(what: str, found: list[str]) -> None:
    """At the beginning of its row, or as what its row leads to."""
    page = PAGE.read_text()
    assert found
    assert [one for one in found if one not in page] == []


def test_every_line_that_the_app_logs_leads_somewhere() -> None:
    """Those of warning and above, and no other."""
    assert set(lines()) == set(LINES)


def test_what_the_page_quotes_is_what_people_read() -> None:
    """The words of app/chat/phrases.py."""
    phrases = (ROOT / "app" / "chat" / "phrases.py").read_text()
    quoted = [words for said in PEOPLE for words in re.findall("“(.+?)”", said)]
    assert quoted
    assert [words for words in quoted if f'_("{words}")' not in phrases] == []
