"""`inturn-hub user` and `device`: the accounts and devices that may sign in."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from core.errors import SetupError
from core.roles import DEVICE_ROLES, PERSON_ROLES
from server.administration import people_and_devices
from server.administration.fields import USER_FIELDS
from server.cli.command_database import current_engine, print_lines
from server.cli.command_parser import Declarations, Group, add_command, group_of, say, settings_of

_ACCOUNT = "the name to sign in with, in any spelling, or the actor of the list, e.g. user:3"


def _declare_user(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    _declare_passwords(group)
    add_command(group, "list", lambda a: print_lines(a, people_and_devices.list_users), "list the accounts")
    change = add_command(group, "set", _user_set, "change an account; what is not given stays as it is")
    change.add_argument("user", help=_ACCOUNT)
    for field in USER_FIELDS[:2]:
        change.add_argument(field.option, help=field.help)
    change.add_argument("--role", choices=PERSON_ROLES, help=USER_FIELDS[2].help)
    for name, run, what in (
        ("disable", _user_disable, "disable an account: it can't sign in any more"),
        ("enable", _user_enable, "enable a disabled account again"),
    ):
        add_command(group, name, run, what).add_argument("name", help=_ACCOUNT)


def _declare_passwords(group: Group) -> None:
    source = "the password is read from standard input or INTURN_PASSWORD"
    add = add_command(group, "add", _user_add, f"create an account; {source}")
    add.add_argument("name", help="the name to sign in with")
    add.add_argument("--role", required=True, choices=PERSON_ROLES, help="what the person may do")
    what = f"set a new password, which has to be changed at the next sign-in; {source}"
    password = add_command(group, "password", _user_password, what)
    password.add_argument("name", help=_ACCOUNT)
    password.add_argument("--keep", action="store_true", help="it need not be changed at the next sign-in")


def _declare_device(command: argparse.ArgumentParser) -> None:
    group = group_of(command)
    add = add_command(group, "add", _device_add, "create a device; prints only its token")
    add.add_argument("name", help="the device's name")
    add.add_argument("--role", required=True, choices=DEVICE_ROLES, help="its program")
    pair = add_command(
        group, "pair", _device_pair, "create a device; prints only a pairing code, valid for ten minutes"
    )
    pair.add_argument("--role", required=True, choices=DEVICE_ROLES, help="its program")
    pair.add_argument("--name", help="its name (default: the role)")
    rename = add_command(group, "set", _device_set, "give a device another name")
    rename.add_argument("code", help="its code in the list")
    rename.add_argument("--name", required=True, help="its new name")
    revoke = add_command(group, "revoke", _device_revoke, "revoke a device's token")
    revoke.add_argument("name", help="its code, or its name if no other device has it")
    add_command(group, "list", lambda a: print_lines(a, people_and_devices.list_devices), "list the devices")


def _user_add(arguments: argparse.Namespace) -> None:
    password = _password()
    with current_engine(settings_of(arguments)) as engine:
        made = people_and_devices.add_user(engine, arguments.name, arguments.role, password)
    say(f"The account {made['name']} ({made['role']}) was created.")


def _user_password(arguments: argparse.Namespace) -> None:
    password = _password()
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        done = people_and_devices.set_password(engine, arguments.name, password, keep=arguments.keep)
    later = "" if arguments.keep else " It has to be changed at the next sign-in."
    say(f"The password of {done['name']} was set, and its sessions ended.{later}")


def _password() -> str:
    """The password from INTURN_PASSWORD, the terminal or standard input. Raises SetupError if that is not UTF-8."""
    given = os.environ.get("INTURN_PASSWORD")
    if given:
        return given
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SetupError("The password is not valid text: write it in UTF-8.") from None


def _user_set(arguments: argparse.Namespace) -> None:
    given = {field.name: getattr(arguments, field.name) for field in USER_FIELDS}
    given = {name: typed for name, typed in given.items() if typed is not None}
    if not given:
        raise SetupError("Say what to change: --name, --display-name or --role.")
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        done = people_and_devices.set_user(engine, arguments.user, given)
    say(f"The account {done['name']} was saved: {done['role']}, shown as {done['display_name']}.")


def _user_disable(arguments: argparse.Namespace) -> None:
    done = _change(arguments, people_and_devices.disable_user)
    say(f"The account {done['name']} is disabled, and its sessions ended.")


def _user_enable(arguments: argparse.Namespace) -> None:
    done = _change(arguments, people_and_devices.enable_user)
    say(f"The account {done['name']} is enabled.")


def _change(arguments: argparse.Namespace, change: Callable[[Engine, str], dict[str, Any]]) -> dict[str, Any]:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        return change(engine, arguments.name)


def _device_add(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        print(people_and_devices.add_device(engine, arguments.name, arguments.role))
    say(f"That is the token of a new {arguments.role}. It can't be shown again.")


def _device_pair(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments)) as engine:
        code = people_and_devices.pair_device(engine, arguments.role, arguments.name)
    print(code)
    say(
        f"That is a code for a {arguments.role}, valid for ten minutes. "
        f"On its computer: inturn-{arguments.role} --pair {code}"
    )


def _device_set(arguments: argparse.Namespace) -> None:
    with current_engine(settings_of(arguments), must_exist=True) as engine:
        done = people_and_devices.set_device(engine, arguments.code, arguments.name)
    say(f"The device {done['code']} has the name {done['name']}.")


def _device_revoke(arguments: argparse.Namespace) -> None:
    done = _change(arguments, people_and_devices.revoke_device)
    say(f"The {done['role']} {done['code']} ({done['name']}) is revoked.")


DECLARATIONS: Declarations = {"user": _declare_user, "device": _declare_device}
