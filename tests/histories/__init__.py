"""Recorded histories: what clients asked and were answered, and a proof that some order of whole transactions explains it."""
