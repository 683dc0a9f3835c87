"""GraphQL clients that others have written, against the real server."""
