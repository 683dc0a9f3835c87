"""Values and decisions: pure functions. No clock, no randomness, no I/O, no logging; the standard library only."""
