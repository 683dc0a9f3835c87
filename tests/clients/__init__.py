"""Third-party GraphQL clients against the real server."""
