"""Tests of the GraphQL doorway."""
