"""Callbacks to applications: signed, and delivered at least once."""
