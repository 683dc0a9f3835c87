"""Tests of calendar sources."""
