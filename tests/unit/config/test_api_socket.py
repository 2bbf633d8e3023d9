# SPDX-License-Identifier: Apache-2.0
"""Where an agent's Unix socket may be."""

import pytest

from stracelet.config import load
from stracelet.errors import ConfigError


@pytest.mark.parametrize(("text", "found"), [("/run/x/agent.sock", "/run/x/agent.sock"), ("off", "off")])
def test_a_path_or_none(text: str, found: str) -> None:
    assert load(f"api: {{socket: {text}}}").api.socket == found


@pytest.mark.parametrize("text", ["agent.sock", "/run/", "''", "5", f"/{'x' * 107}", f"/{'ü' * 60}", '"/a\\0b"'])
def test_what_is_no_place_for_a_socket_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.socket: expected an absolute path of at most 107 bytes, or off"):
        load(f"api: {{socket: {text}}}")
