"""Fixtures for tests of the server's parts."""

from tests.server.private_clusters import cluster, cluster_root, made_once, nobodys_folder

__all__ = ["cluster", "cluster_root", "made_once", "nobodys_folder"]
