"""A cluster breaks under load, and two servers go on: `python -m tests.cluster` breaks more, for longer, and prints a table.

No request has a deadline, so what is never answered would show.
"""

from pathlib import Path

from .faults import connections_reset, line_cut, primary_silent, under_load


async def test_two_servers_go_on_while_the_cluster_breaks(tmp_path: Path) -> None:
    """Connections are reset, then cut without a word, then the primary falls silent and the standby is promoted.

    All that was acknowledged is stored, no answer is one that was not possible, and every error may be retried.
    """
    async with under_load(tmp_path, writers=4, pause=0.1, seconds=1, OPENINGS_DEADLINE="0") as (trial, load):
        for fault in (connections_reset, line_cut, primary_silent):
            noticed = await load.notice(trial, fault)
            assert noticed.problems == [], noticed
