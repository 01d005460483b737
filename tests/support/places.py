"""Paths of the files that tests read."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CERTIFICATES = Path(__file__).with_name("certificates")
LEGACY = ROOT / "tests" / "server" / "schema" / "legacy"
META_SCHEMA = Path(__file__).parent / "openrpc_meta_schema" / "schema.json"
