"""`inturn-hub service`, `counter`, `site` and `day`: the clinic's parts, their settings and opening hours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Engine

from core.errors import SetupError
from server.administration import clinic_settings, people_and_devices
from server.administration.fields import COUNTER_FIELDS, SERVICE_FIELDS, SITE_FIELDS, Field
from server.cli.command_database import current_engine, print_lines
from server.cli.command_parser import Declarations, Group, add_command, group_of, run_by, settings_of


def _declare_service(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    _add_service(group)
    _add_closed_days(group)


def _declare_day(command: argparse.ArgumentParser) -> None:
    what = "cancel waiting and parked tickets; consultations stay open and are listed"
    day = add_command(group_of(command), "close", _day_close, what)
    day.add_argument("service", nargs="?", help="only this service's line")


def _add_service(group: Group) -> None:
    add = add_command(group, "add", _service_add, "create a service")
    add.add_argument("code")
    add.add_argument("name")
    add.add_argument("--prefix", help="letters of its numbers (default: the code's first)")
    add.add_argument("--icon", help="the card's icon, e.g. stethoscope")
    change = add_command(group, "set", _service_set, "change a service; what is not given stays as it is")
    change.add_argument("code")
    _add_fields(change, SERVICE_FIELDS)
    show = "list the services, their state and hours, and the closed days to come"
    add_command(group, "list", lambda a: print_lines(a, clinic_settings.list_services), show)


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
    add.add_argument("code")
    add.add_argument("name")
    add.add_argument("--services", required=True, help="service codes in the order of serving, e.g. A,B")
    change = add_command(group, "set", _counter_set, "change a counter; what is not given stays as it is")
    change.add_argument("code")
    _add_fields(change, COUNTER_FIELDS)
    show = "list the counters, their state, services and rule"
    add_command(group, "list", lambda a: print_lines(a, clinic_settings.list_counters), show)


def _declare_site(command: argparse.ArgumentParser) -> None:
    site = run_by(command, _site)
    site.add_argument("name", nargs="?")
    _add_fields(site, SITE_FIELDS[1:])


def _add_fields(command: argparse.ArgumentParser, fields: Iterable[Field]) -> None:
    for field in fields:
        command.add_argument(field.option, help=field.help)


def _typed(arguments: argparse.Namespace, fields: Iterable[Field]) -> dict[str, str]:
    """Field name -> typed text, for each given option."""
    return {field.name: typed for field in fields if (typed := getattr(arguments, field.name)) is not None}


def _set(
    arguments: argparse.Namespace,
    change: Callable[[Engine, str, Mapping[str, str]], None],
    fields: Sequence[Field],
) -> None:
    typed = _typed(arguments, fields)
    if not typed:
        options = ", ".join(field.option for field in fields)
        raise SetupError(f"Say what to change: {options}.")
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        change(engine, arguments.code, typed)


def _service_add(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        people_and_devices.add_service(
            engine, arguments.code, arguments.name, arguments.prefix, arguments.icon
        )


def _service_set(arguments: argparse.Namespace) -> None:
    _set(arguments, clinic_settings.set_service, SERVICE_FIELDS)


def _close_on(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        clinic_settings.close_on(engine, arguments.day, arguments.code)


def _open_on(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        clinic_settings.open_on(engine, arguments.day, arguments.code)


def _counter_add(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        people_and_devices.add_counter(engine, arguments.code, arguments.name, arguments.services.split(","))


def _counter_set(arguments: argparse.Namespace) -> None:
    _set(arguments, clinic_settings.set_counter, COUNTER_FIELDS)


def _site(arguments: argparse.Namespace) -> None:
    typed = _typed(arguments, SITE_FIELDS)
    if not typed:
        print_lines(arguments, clinic_settings.show_site)
        return
    with current_engine(settings_of(arguments)) as engine:
        clinic_settings.set_site(engine, typed)
        if typed.keys() & clinic_settings.SCHEDULE:
            print(clinic_settings.next_close(engine), file=sys.stderr)


def _day_close(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        print(clinic_settings.close_day(engine, arguments.service))


DECLARATIONS: Declarations = {
    "service": _declare_service,
    "counter": _declare_counter,
    "site": _declare_site,
    "day": _declare_day,
}
