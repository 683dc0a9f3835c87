"""Tests of the booking page."""
