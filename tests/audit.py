"""Looks for known vulnerabilities in the pinned versions: `python -m tests.audit`, which is part of `make check`.

pip-audit asks OSV about `constraints.txt`, npm its registry about `package-lock.json`. A vulnerability fails the check.
Without the internet nothing can be asked: that is one line, and no failure.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

#: seconds for each of the two
TIMEOUT = 30

PIP_AUDIT = [
    *(sys.executable, "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip"),
    *("--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--timeout", "5"),
]
NPM_AUDIT = ["npm", "audit", "--package-lock-only", "--json", "--fetch-retries=0", "--fetch-timeout=5000"]


def found_by_pip_audit(report: dict[str, Any]) -> list[str]:
    """The vulnerable pins in a report of pip-audit. Raises KeyError if it is none."""
    return [
        f"{pin['name']} {pin['version']}: {vulnerability['id']}"
        for pin in report["dependencies"]
        for vulnerability in pin.get("vulns", [])
    ]


def found_by_npm(report: dict[str, Any]) -> list[str]:
    """The vulnerable packages in a report of npm. Raises KeyError if it is none."""
    return [f"{name} {found['range']}: {found['severity']}" for name, found in report["vulnerabilities"].items()]


AUDITS = [("constraints.txt", PIP_AUDIT, found_by_pip_audit), ("package-lock.json", NPM_AUDIT, found_by_npm)]


def report(command: list[str]) -> dict[str, Any]:
    """What a command prints as JSON; empty if it does not in time."""
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        return json.loads(ended.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return {}


def main() -> int:
    """Prints a line for each file of pins and one for each vulnerability; returns the exit status."""
    failed = 0
    for pins, command, found_by in AUDITS:
        try:
            found = found_by(report(command) if shutil.which(command[0]) else {})
        except KeyError:
            print(f"{pins}: not checked for known vulnerabilities, since their data cannot be had here.")
            continue
        failed += len(found)
        print(f"{pins}: {len(found)} known vulnerabilities.", *found, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
