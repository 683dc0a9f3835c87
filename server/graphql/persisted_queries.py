"""Automatic persisted queries: a client sends the digest of a document instead of the document itself.

The protocol is Apollo's, and other clients use it too. `extensions.persistedQuery` has a version, which is 1, and the
document's SHA-256 in hexadecimal. A digest without a document is looked up; if it is unknown the response says so, and
the client sends both. Each process has its own store, in memory: a digest it does not know costs one more request.

The store is bounded, so a client that fills it costs others that one request. It saves bandwidth and is no
allow-list of queries.
"""

from hashlib import sha256
from typing import Any, cast

from graphql import GraphQLError

from core.lru import LRU

from .documents import MAX_KEPT_LENGTH, Document, Documents
from .http import Operation

VERSION = 1
NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
"""The error code for an unknown digest. The error's message is part of the protocol too."""


class PersistedQueries:
    """Finds the document of an operation, given by source or by digest. Bounded like `documents`."""

    def __init__(self, documents: Documents, *, size: int = 1000) -> None:
        self._documents = documents
        self._sources = LRU[str, str](most=size, most_size=MAX_KEPT_LENGTH, size_of=_length)

    def get(self, operation: Operation) -> Document:
        """The operation's document; if its digest is invalid or unknown, a document with that error."""
        given = (operation.extensions or {}).get("persistedQuery")
        if given is None:
            return self._documents.get(operation.query)
        digest = _digest(given)
        if isinstance(digest, GraphQLError):
            return Document(None, (digest,))
        return self._learn(digest, operation.query) if operation.query else self._recall(digest)

    def _recall(self, digest: str) -> Document:
        source = self._sources.get(digest)
        if source is None:
            return Document(None, (GraphQLError("PersistedQueryNotFound", extensions={"code": NOT_FOUND}),))
        return self._documents.get(source)

    def _learn(self, digest: str, source: str) -> Document:
        if sha256(source.encode("utf-8", "surrogatepass")).hexdigest() != digest:
            return Document(None, (GraphQLError("persistedQuery.sha256Hash is not the query's."),))
        document = self._documents.get(source)
        if not document.errors and digest not in self._sources:
            self._sources.put(digest, source)
        return document


def _length(_digest: str, source: str) -> int:
    return len(source)


def _digest(given: Any) -> str | GraphQLError:
    """The digest in the extension, or an error if the extension is invalid."""
    if not isinstance(given, dict):
        return GraphQLError("extensions.persistedQuery must be an object.")
    extension = cast(dict[str, Any], given)
    version, digest = extension.get("version"), extension.get("sha256Hash")
    if type(version) is not int or version != VERSION:
        return GraphQLError(f"extensions.persistedQuery.version must be {VERSION}.")
    if not isinstance(digest, str):
        return GraphQLError("extensions.persistedQuery.sha256Hash must be a string.")
    return digest.lower()
