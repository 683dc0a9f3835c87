"""Tests of GraphiQL."""
