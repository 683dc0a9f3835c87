"""Callbacks to applications: what is due is delivered, signed and at least once."""
