"""Tests of faults: real processes, databases and sockets that break, without mocks."""
