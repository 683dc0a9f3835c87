"""Work that every process repeats, whatever requests come."""
