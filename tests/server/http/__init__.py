"""Tests of what every doorway does first."""
