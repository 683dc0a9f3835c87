"""Tests of sockets, workers and the key file."""
