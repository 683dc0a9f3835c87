"""The audits of GraphQL over HTTP that the specification's authors keep, on the real server."""

import json

from tests.support.server_process import ServerProcess

from .tools import FOLDER, node

#: how many audits graphql-http 1.23.1 has
AUDITS = 61


async def test_every_audit_of_graphql_over_http_passes(served: ServerProcess) -> None:
    """What must be, what should be and what may be: on a loopback address nothing is switched off."""
    results = json.loads(node(FOLDER / "audits.js", f"{served.url}/graphql"))
    assert [audit for audit in results if audit["status"] != "ok"] == []
    assert len(results) == AUDITS
