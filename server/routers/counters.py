"""`counters.*`: the counters and their states."""

from __future__ import annotations

from core.errors import CounterBusy, CounterTaken, UnknownCounter
from core.roles import MONITOR, STAFF
from core.wire.results import CounterList, CounterResult
from server.routers.registry import Code, Context, Key, Params, Reason, clean_reason, command

REFUSALS = (UnknownCounter, CounterTaken, CounterBusy)


class CounterParams(Params, frozen=True, kw_only=True):
    """`counter` is its code. `reason` goes into the administrators' log."""

    counter: Code
    key: Key
    reason: Reason | None = None


@command("counters.list", STAFF | MONITOR, Params, CounterList)
async def list_counters(context: Context, params: Params) -> CounterList:
    """Lists every counter with its services, its holder and the ticket in consultation there."""
    await context.notifications.fresh_lists()
    return CounterList(**context.notifications.clinic_lists.counter_list(context.caller.view))


@command("counters.open", STAFF, CounterParams, CounterResult, *REFUSALS)
async def open_counter(context: Context, params: CounterParams) -> CounterResult:
    """Opens a counter and makes the caller its holder, also of one whose holder has gone, with its patient."""
    return await _set_state(context, params, "open")


@command("counters.pause", STAFF, CounterParams, CounterResult, *REFUSALS)
async def pause_counter(context: Context, params: CounterParams) -> CounterResult:
    """Pauses a counter: it keeps its holder, and no patient can be called to it."""
    return await _set_state(context, params, "paused")


@command("counters.close", STAFF, CounterParams, CounterResult, *REFUSALS)
async def close_counter(context: Context, params: CounterParams) -> CounterResult:
    """Closes a counter: it has no holder any more."""
    return await _set_state(context, params, "closed")


async def _set_state(context: Context, params: CounterParams, state: str) -> CounterResult:
    caller = context.caller
    await context.operations.set_counter_state(
        caller.actor, params.key, params.counter, state, clean_reason(params.reason), caller.supervises
    )
    context.counter = params.counter if state != "closed" else None
    context.notifications.notify_counters_changed()
    await context.notifications.clinic_lists.refresh()
    return CounterResult(context.notifications.clinic_lists.counter(params.counter, caller.view))
