"""`inturn-hub service`, `counter`, `site` and `day`: the clinic's parts, their settings and opening hours."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from core.errors import SetupError
from server.administration import clinic_settings
from server.administration.fields import COUNTER_FIELDS, SERVICE_FIELDS, SITE_FIELDS, Field
from server.cli.command_database import current_engine, print_lines
from server.cli.command_parser import Declarations, Group, add_command, group_of, run_by, say, settings_of

_CODE = "its code in the list"


def _declare_service(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    add = add_command(group, "add", _service_add, "create a service")
    add.add_argument("code", help="up to 32 letters from A to Z, digits, - and _")
    add.add_argument("name", help="as patients read it")
    _add_fields(add, SERVICE_FIELDS[1:])
    change = add_command(group, "set", _service_set, "change a service; what is not given stays as it is")
    change.add_argument("code", help=_CODE)
    _add_fields(change, SERVICE_FIELDS)
    retire = add_command(group, "retire", _service_retire, "retire a service; its past stays")
    retire.add_argument("code", help=_CODE)
    retire.add_argument("--move-to", metavar="CODE", help="the service where those who wait for it go on")
    show = "list the services, their state, hours and settings, and the closed days to come"
    add_command(group, "list", lambda a: print_lines(a, clinic_settings.list_services), show)
    _add_closed_days(group)


def _declare_day(command: argparse.ArgumentParser) -> None:
    what = "cancel waiting and parked tickets; consultations stay open and are listed"
    day = add_command(group_of(command), "close", _day_close, what)
    day.add_argument("service", nargs="?", help="only this service's line (default: every line)")


def _add_closed_days(group: Group) -> None:
    for name, run, what in (
        ("close-on", _close_on, "no tickets on a day, e.g. a holiday"),
        ("open-on", _open_on, "undo close-on"),
    ):
        command = add_command(group, name, run, what)
        command.add_argument("day", help="e.g. 2026-12-24")
        command.add_argument("code", nargs="?", help="only this service (default: every one)")


def _declare_counter(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    add = add_command(group, "add", _counter_add, "create a counter")
    add.add_argument("code", help="up to 32 letters from A to Z, digits, - and _")
    add.add_argument("name", help="as patients read it")
    _add_fields(add, COUNTER_FIELDS[1:], required="services")
    change = add_command(group, "set", _counter_set, "change a counter; what is not given stays as it is")
    change.add_argument("code", help=_CODE)
    _add_fields(change, COUNTER_FIELDS)
    retire = add_command(group, "retire", _counter_retire, "retire a counter; its past stays")
    retire.add_argument("code", help=_CODE)
    show = "list the counters, their state, services and rule"
    add_command(group, "list", lambda a: print_lines(a, clinic_settings.list_counters), show)


def _declare_site(command: argparse.ArgumentParser) -> None:
    site = run_by(command, _site)
    site.add_argument("name", nargs="?", help="the clinic's name")
    _add_fields(site, SITE_FIELDS[1:])


def _add_fields(command: argparse.ArgumentParser, fields: Iterable[Field], *, required: str = "") -> None:
    for field in fields:
        command.add_argument(field.option, help=field.help, required=field.name == required)


def _typed(arguments: argparse.Namespace, fields: Iterable[Field]) -> dict[str, str]:
    """Field name -> typed text, for each given option."""
    return {field.name: typed for field in fields if (typed := getattr(arguments, field.name)) is not None}


def _set(
    arguments: argparse.Namespace,
    change: Callable[[Engine, str, Mapping[str, str]], dict[str, Any]],
    fields: Sequence[Field],
) -> dict[str, Any]:
    typed = _typed(arguments, fields)
    if not typed:
        options = ", ".join(field.option for field in fields)
        raise SetupError(f"Say what to change: {options}.")
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        return change(engine, arguments.code, typed)


def _service_add(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        made = clinic_settings.add_service(engine, arguments.code, _typed(arguments, SERVICE_FIELDS))
    say(f"The service {made['code']} ({made['name']}) was created; its numbers begin with {made['prefix']}.")


def _service_set(arguments: argparse.Namespace) -> None:
    done = _set(arguments, clinic_settings.set_service, SERVICE_FIELDS)
    say(f"The service {done['code']} ({done['name']}) was saved.")


def _service_retire(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        done = clinic_settings.retire_service(engine, arguments.code, arguments.move_to)
    moved = f" {done['moved']} waiting were moved to {arguments.move_to}." if done["moved"] else ""
    say(f"The service {done['code']} is retired.{moved} Its code is free from the next business day on.")


def _close_on(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        clinic_settings.close_on(engine, arguments.day, arguments.code)
    say(f"No tickets on {arguments.day} for {arguments.code or 'every service'}.")


def _open_on(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        clinic_settings.open_on(engine, arguments.day, arguments.code)
    say(f"{arguments.day} is not closed any more for {arguments.code or 'every service'}.")


def _counter_add(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        made = clinic_settings.add_counter(engine, arguments.code, _typed(arguments, COUNTER_FIELDS))
    say(f"The counter {made['code']} ({made['name']}) was created; it serves {', '.join(made['services'])}.")


def _counter_set(arguments: argparse.Namespace) -> None:
    done = _set(arguments, clinic_settings.set_counter, COUNTER_FIELDS)
    say(f"The counter {done['code']} ({done['name']}) was saved.")


def _counter_retire(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        done = clinic_settings.retire_counter(engine, arguments.code)
    say(f"The counter {done['code']} is retired. Its code is free from the next business day on.")


def _site(arguments: argparse.Namespace) -> None:
    typed = _typed(arguments, SITE_FIELDS)
    if not typed:
        print_lines(arguments, clinic_settings.show_site)
        return
    with current_engine(settings_of(arguments)) as engine:
        done = clinic_settings.set_site(engine, typed)
        closing = clinic_settings.next_close(engine) if typed.keys() & clinic_settings.SCHEDULE else ""
    say(f"The site {done['name']} was saved. {closing}".strip())


def _day_close(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        print(clinic_settings.close_day(engine, arguments.service))


DECLARATIONS: Declarations = {
    "service": _declare_service,
    "counter": _declare_counter,
    "site": _declare_site,
    "day": _declare_day,
}
