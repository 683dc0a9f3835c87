"""Requests to servers elsewhere, whose addresses others choose."""
