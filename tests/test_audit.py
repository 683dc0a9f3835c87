"""The check of pins against known vulnerabilities, with reports such as its two tools print."""

import json
import sys
from typing import Any

import pytest

from tests import audit


def printing(text: str) -> list[str]:
    """A command that prints the text."""
    return [sys.executable, "-c", f"print({text!r})"]


def pip_audit(*vulnerabilities: str) -> str:
    found = [{"id": id, "fix_versions": [], "aliases": [], "description": ""} for id in vulnerabilities]
    pins = [{"name": "one", "version": "1.0", "vulns": found}, {"name": "other", "skip_reason": "unknown"}]
    return json.dumps({"dependencies": pins, "fixes": []})


def npm(*names: str) -> str:
    return json.dumps({"vulnerabilities": {name: {"range": "<2", "severity": "high"} for name in names}})


NO_DATA = (printing("Traceback"), printing('{"message": "405 Method Not Allowed"}'), ["no-such-program"])


@pytest.mark.parametrize(
    ("commands", "status", "words"),
    [
        ((printing(pip_audit()), printing(npm())), 0, ["constraints.txt: 0 known", "package-lock.json: 0 known"]),
        ((printing(pip_audit("CVE-1", "CVE-2")), printing(npm())), 1, ["one 1.0: CVE-1", "one 1.0: CVE-2"]),
        ((printing(pip_audit()), printing(npm("left-pad"))), 1, ["left-pad <2: high"]),
        *[((command, command), 0, ["constraints.txt: not checked", "package-lock.json: not"]) for command in NO_DATA],
    ],
)
def test_a_vulnerability_fails_the_check_and_missing_data_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, commands: tuple[list[str], list[str]], status: int, words: list[str]
) -> None:
    changed = [(pins, new, found_by) for (pins, _, found_by), new in zip(audit.AUDITS, commands, strict=True)]
    monkeypatch.setattr(audit, "AUDITS", changed)
    assert audit.main() == status
    printed = capsys.readouterr().out
    assert [each for each in words if each not in printed] == []
