"""What is kept, on SQLite and on PostgreSQL. The only package that knows SQLModel; functions take a session."""
