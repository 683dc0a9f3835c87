"""Statements past the ORM: a driver for each database, their dialects, and what keeps few statements fast."""
