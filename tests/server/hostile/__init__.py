"""Hostile requests on a real socket."""
