"""Helpers that several test modules share: databases, clients, servers, pictures, builders, GraphQL documents."""
