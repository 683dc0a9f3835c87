"""Tests of compiled arguments, variables and results."""
