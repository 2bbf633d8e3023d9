# SPDX-License-Identifier: Apache-2.0
"""The configuration: one YAML file, checked key by key."""

from stracelet.config.files import ConfigFile, load, read
from stracelet.config.keys import (
    BUCKET_EDGES,
    Config,
    Limits,
    Metrics,
    Monitor,
    Rule,
    Sources,
    Tls,
    parse_listen,
    section,
)

__all__ = [
    "BUCKET_EDGES",
    "Config",
    "ConfigFile",
    "Limits",
    "Metrics",
    "Monitor",
    "Rule",
    "Sources",
    "Tls",
    "load",
    "parse_listen",
    "read",
    "section",
]
