# SPDX-License-Identifier: Apache-2.0
"""Messages: what goes out comes in the same, and what is no message is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stracelet.errors import TracerError
from stracelet.native import constants, ffi
from stracelet.tracing import protocol
from stracelet.tracing.protocol import MESSAGE_SIZE, Message

U32, U64, I64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=19)

messages = st.builds(Message, U32, U32, U64, I64, I64, I64, TEXT, TEXT, st.just(b""))


@given(messages)
def test_round_trip(message: Message) -> None:
    assert Message.decode(message.encode()) == message


@given(messages)
def test_it_is_the_structure_of_the_header(message: Message) -> None:
    structure = ffi.from_buffer("struct stl_message *", message.encode())
    numbers = [getattr(structure, name) for name in ("type", "slot", "serial", "pid", "value", "detail")]
    assert Message(*numbers, ffi.string(structure.id).decode(), ffi.string(structure.text).decode()) == message
    assert ffi.sizeof("struct stl_message") == MESSAGE_SIZE


@pytest.mark.parametrize("size", [0, 1, MESSAGE_SIZE - 1, MESSAGE_SIZE + 1])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(TracerError, match=f"sent {size} bytes"):
        protocol.decode(bytes(size))


@given(st.binary(min_size=MESSAGE_SIZE, max_size=MESSAGE_SIZE))
def test_whatever_comes_is_an_event_or_refused(data: bytes) -> None:
    try:
        protocol.decode(data)
    except TracerError as error:
        assert "unknown type" in str(error)  # noqa: PT017  # most of what is drawn is one, and none may be another


@given(st.integers(0, 255), st.binary(min_size=MESSAGE_SIZE - 4, max_size=MESSAGE_SIZE - 4))
def test_hostile_fields_of_a_known_type_have_a_text(kind: int, rest: bytes) -> None:
    data = kind.to_bytes(4, "little") + rest
    requests = (constants.STL_SUP_CONNECT, constants.STL_SUP_SIGNAL)
    told = {getattr(constants, name) for name in dir(constants) if name.startswith(("STL_EV_", "STL_SUP_"))}
    known = told.difference(requests)
    if kind in known:
        assert str(protocol.decode(data))
    else:
        with pytest.raises(TracerError, match="unknown type"):
            protocol.decode(data)


def test_what_does_not_fit_is_refused() -> None:
    Message(protocol.REQ_TRACE, id="a" * 79).encode()
    with pytest.raises(TracerError, match="too long"):
        Message(protocol.REQ_TRACE, id="a" * 80).encode()


def test_failures_say_what_and_why() -> None:
    failed = protocol.Failed(1, 2, "id", 42, constants.STL_FAIL_PERMISSION, 1, "")
    assert str(failed) == "process 42 cannot be traced: Operation not permitted (EPERM)"
    traced = protocol.Failed(1, 2, "id", 42, constants.STL_FAIL_TRACED, 77, "")
    assert str(traced) == "process 42 cannot be traced: it is traced already, by 77"
    refused = protocol.Refused("id", 0, 28, "the table of containers is full")
    assert str(refused) == "refused: the table of containers is full (No space left on device (ENOSPC))"


def test_what_began_late_is_traced_all_the_same() -> None:
    late = protocol.Failed(1, 2, "id", 42, constants.STL_FAIL_LATE, 0, "")
    assert str(late) == "process 42 is traced only from after its first exec on: until then it had to be left alone"
