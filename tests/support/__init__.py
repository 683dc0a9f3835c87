"""Helpers that several tests share: databases, clients, servers, pictures, builders."""
