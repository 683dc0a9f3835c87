"""The audits of GraphQL over HTTP by the authors of its specification, on the real server."""

import json

from tests.support.server_process import ServerProcess

from .tools import FOLDER, node

#: the number of audits in graphql-http 1.23.1
AUDITS = 61


async def test_every_audit_of_graphql_over_http_passes(served: ServerProcess) -> None:
    """Those of MUST, SHOULD and MAY: on a loopback address nothing is disabled."""
    results = json.loads(node(FOLDER / "audits.js", f"{served.url}/graphql"))
    assert [audit for audit in results if audit["status"] != "ok"] == []
    assert len(results) == AUDITS
