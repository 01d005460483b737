"""`inturn-hub user` and `device`: the accounts and devices that may sign in."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from core.roles import DEVICE_ROLES, PERSON_ROLES
from server.administration import people_and_devices
from server.cli.command_database import current_engine, print_lines
from server.cli.command_parser import Declarations, add_command, group_of, settings_of


def _declare_user(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    add = add_command(
        group,
        "add",
        _user_add,
        "create an account; the password is read from standard input or INTURN_PASSWORD",
    )
    add.add_argument("name")
    add.add_argument("--role", required=True, choices=PERSON_ROLES)
    add_command(group, "list", lambda a: print_lines(a, people_and_devices.list_users), "list the accounts")
    disable = add_command(group, "disable", _user_disable, "disable an account")
    disable.add_argument("name")


def _declare_device(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    add = add_command(group, "add", _device_add, "create a device; prints only its token")
    add.add_argument("name")
    add.add_argument("--role", required=True, choices=DEVICE_ROLES)
    pair = add_command(
        group, "pair", _device_pair, "create a device; prints a pairing code that is valid for ten minutes"
    )
    pair.add_argument("--role", required=True, choices=DEVICE_ROLES)
    pair.add_argument("--name")
    revoke = add_command(group, "revoke", _device_revoke, "revoke a device's token")
    revoke.add_argument("name")
    add_command(group, "list", lambda a: print_lines(a, people_and_devices.list_devices), "list the devices")


def _user_add(arguments: argparse.Namespace) -> None:
    password = os.environ.get("INTURN_PASSWORD") or _read_password()
    with current_engine(settings_of(arguments)) as engine:
        people_and_devices.add_user(engine, arguments.name, arguments.role, password)


def _read_password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _user_disable(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        people_and_devices.disable_user(engine, arguments.name)


def _device_add(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        print(people_and_devices.add_device(engine, arguments.name, arguments.role))


def _device_pair(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        print(people_and_devices.pair_device(engine, arguments.role, arguments.name))


def _device_revoke(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        people_and_devices.revoke_device(engine, arguments.name)


DECLARATIONS: Declarations = {"user": _declare_user, "device": _declare_device}
