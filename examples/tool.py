"""A tool of the agent: a typed function whose docstring the model reads. Try it: `python -m examples.tool`."""

import asyncio

from opendeep_kit.voice.tools import Toolbox, ToolContext, ToolResult, tool

FREE = {"2027-03-01": ("09:00", "10:30"), "2027-03-02": ("14:00",)}
"""In your tool this is a calendar, a database, a service."""


def free_slots(context: ToolContext, day: str) -> str:
    """Look up which appointments are free on a day. Offer at most two of them.

    Args:
        day: the day, as YYYY-MM-DD.
    """
    name = context.facts.get("name", "the callee")
    return f"Free for {name} on {day}: {', '.join(FREE.get(day, ())) or 'nothing, try another day'}."


FREE_SLOTS = tool(free_slots)


async def ask(day: str) -> ToolResult:
    """Use it as the model would, with arguments as JSON."""
    context = ToolContext(call_id="a call", at_ms=0.0, facts={"name": "Maria Alvarez"})
    result, _ = await Toolbox([FREE_SLOTS]).run("free_slots", f'{{"day": "{day}"}}', context, timeout_s=8)
    return result


if __name__ == "__main__":
    print(FREE_SLOTS.schema())
    print(asyncio.run(ask("2027-03-01")).output)
