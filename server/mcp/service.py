"""The protocol's server, by the official SDK: lists the tools, and calls them with what a caller may do."""

import json
from collections.abc import Callable
from importlib.metadata import version
from time import perf_counter
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from pydantic import ValidationError

from core.errors import MAX_PROBLEMS, Refusal, WrongCredentials
from resolvers.context import Context

from ..http.faults import log_fault, log_refusal
from ..observability import metrics
from .tools import INSTRUCTIONS, TOOLS, Tool

ContextOf = Callable[[ServerRequestContext[Any, Any]], Context]
"""Returns the context of a call."""


def make_server(context_of: ContextOf) -> Server[Any]:
    """Makes the server. Each call of a tool has a context of its own."""

    async def list_tools(
        _ctx: ServerRequestContext[Any, Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])

    async def call_tool(
        ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            return _refused(f"There is no such tool. There are: {', '.join(TOOLS)}.")
        return await _call(tool, context_of(ctx), params.arguments or {})

    return Server(
        "openings",
        title="Openings",
        version=version("openings"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=tool.read_only,
            destructive_hint=tool.destructive,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


async def _call(tool: Tool, context: Context, arguments: dict[str, Any]) -> types.CallToolResult:
    """Runs a tool. Whatever goes wrong is told in the result, so that the assistant can put it right."""
    began, code = perf_counter(), "OK"
    try:
        found = await tool.run(context, tool.arguments.model_validate(arguments))
        result = types.CallToolResult(content=[_text(json.dumps(found, ensure_ascii=False))], structured_content=found)
    except ValidationError as error:
        code, result = "UNPROCESSABLE", _refused(_problems(error))
    except Refusal as error:
        log_refusal(error, f"mcp {tool.name}")
        code, result = error.code, _refused(str(error))
        if isinstance(error, WrongCredentials):
            result = _refused("The token is not valid any more: it has expired, or was revoked.")
    except Exception as error:
        code, result = "INTERNAL", _refused(log_fault(error, f"mcp {tool.name}").message)
    metrics.count(f"mcp {tool.name}", code, perf_counter() - began)
    return result


def _problems(error: ValidationError) -> str:
    """Every problem with its path, up to the bound, and without the values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    words = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in found[:MAX_PROBLEMS]]
    return "; ".join([*words, *(["and more"] if len(found) > MAX_PROBLEMS else [])])


def _refused(words: str) -> types.CallToolResult:
    return types.CallToolResult(content=[_text(words)], is_error=True)


def _text(words: str) -> types.TextContent:
    return types.TextContent(type="text", text=words)
