"""Tests, laid out like the packages that they test."""

import pytest

# Failures of assertions in shared helpers show their values as those in test modules do.
pytest.register_assert_rewrite("tests.support")
