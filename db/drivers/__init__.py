"""Hand-written SQL that bypasses the ORM: a driver and a dialect for each database, row cache and write lock."""
