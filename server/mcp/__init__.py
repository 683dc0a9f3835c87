"""The doorway of assistants: the tools of the Model Context Protocol, over HTTP and over stdio.

It needs the extra `openings[mcp]`, so only `app.py` and a command import it, where it is switched on.
"""

PATH = "/mcp"
"""Where it is served over HTTP."""
