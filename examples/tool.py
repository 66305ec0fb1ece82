"""A tool of the agent: a typed function whose docstring the model reads. Try it: `python -m examples.tool`."""

import asyncio

from opendeep_kit.voice.tools import Moment, Result, Toolbox, tool

FREE = {"2027-03-01": ("09:00", "10:30"), "2027-03-02": ("14:00",)}
"""In your tool this is a calendar, a database, a service."""


def free_slots(moment: Moment, day: str) -> str:
    """Look up which appointments are free on a day. Offer at most two of them.

    Args:
        day: the day, as YYYY-MM-DD.
    """
    name = moment.facts.get("name", "the callee")
    return f"Free for {name} on {day}: {', '.join(FREE.get(day, ())) or 'nothing, try another day'}."


FREE_SLOTS = tool(free_slots)


async def ask(day: str) -> Result:
    """Use it as the model would, with arguments as JSON."""
    moment = Moment(call_id="a call", at_ms=0.0, facts={"name": "Maria Alvarez"})
    result, _ = await Toolbox([FREE_SLOTS]).run("free_slots", f'{{"day": "{day}"}}', moment, timeout_s=8)
    return result


if __name__ == "__main__":
    print(FREE_SLOTS.schema())
    print(asyncio.run(ask("2027-03-01")).output)
