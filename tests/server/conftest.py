"""The environment of tests that type commands."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Removes all settings from the environment, and sets a data folder that only this test has."""
    for name in [name for name in os.environ if name.startswith("OPENINGS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
