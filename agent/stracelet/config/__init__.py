# SPDX-License-Identifier: Apache-2.0
"""The configuration: one YAML file, checked key by key."""

from stracelet.config.files import ConfigFile, load, needing_restart, read
from stracelet.config.keys import (
    BUCKET_EDGES,
    Annotations,
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
    "Annotations",
    "Config",
    "ConfigFile",
    "Limits",
    "Metrics",
    "Monitor",
    "Rule",
    "Sources",
    "Tls",
    "load",
    "needing_restart",
    "parse_listen",
    "read",
    "section",
]
