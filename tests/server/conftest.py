"""Fixtures for tests of the server's parts."""

import gc

import pytest

from tests.support.private_clusters import (
    cluster,
    cluster_root,
    made_once,
    no_namespaces,
    nobodys_folder,
    shared,
)

__all__ = ["cluster", "cluster_root", "made_once", "no_namespaces", "nobodys_folder", "shared"]


@pytest.fixture
def nothing_left_of_windows() -> None:
    """For tests with threads of their own: what earlier tests left of Qt is collected here and now.

    On another thread, whichever happens to collect garbage, Qt would crash of it.
    """
    gc.collect()
