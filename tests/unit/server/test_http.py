# SPDX-License-Identifier: Apache-2.0
"""The server, over real sockets on this machine: what it answers, what it refuses, and what it bounds."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from stracelet.config import Tls
from stracelet.errors import ArenaError, ConfigError, ServerError
from stracelet.server.http import MAX_SCRAPES, HttpServer, bind, load_certificate, tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Pages:
    """A page that a test can hold back, make large, or make fail."""

    def __init__(self) -> None:
        self.text = b"up 1\n"
        self.go = asyncio.Event()
        self.go.set()
        self.asked = asyncio.Semaphore(0)
        self.failure: Exception | None = None
        self.accepts: list[str] = []

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        self.accepts.append(accept)
        self.asked.release()
        await self.go.wait()
        if self.failure:
            raise self.failure
        return self.text, "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def serving(pages: Pages, *, listen: str = "127.0.0.1:0", **options: Any) -> AsyncIterator[HttpServer]:
    server = HttpServer(page=pages, unready=options.pop("unready", lambda: ""), sockets=bind(listen), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def get(server: HttpServer, path: str, host: str = "127.0.0.1", **options: Any) -> tuple[int, str, Any]:
    async with (
        aiohttp.ClientSession() as client,
        client.request(options.pop("method", "GET"), f"http://{host}:{server.port}{path}", **options) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


async def test_the_paths() -> None:
    async with serving(Pages()) as server:
        assert (await get(server, "/metrics"))[:2] == (200, "up 1\n")
        assert (await get(server, "/healthz"))[:2] == (200, "ok\n")
        assert (await get(server, "/readyz"))[:2] == (200, "ok\n")
        status, text, _ = await get(server, "/")
        assert (status, "/metrics" in text) == (200, True)
        assert (await get(server, "/nothing"))[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_it_is_read_only(method: str) -> None:
    async with serving(Pages()) as server:
        assert (await get(server, "/metrics", method=method))[0] == 405


async def test_the_accept_header_and_the_type_pass_through() -> None:
    pages = Pages()
    async with serving(pages) as server:
        _, _, headers = await get(server, "/metrics", headers={"Accept": "application/openmetrics-text"})
    assert pages.accepts == ["application/openmetrics-text"]
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_gzip_is_for_those_who_ask() -> None:
    pages = Pages()
    pages.text = b"x" * 100_000
    async with serving(pages) as server, aiohttp.ClientSession(auto_decompress=False) as client:
        url = f"http://127.0.0.1:{server.port}/metrics"
        async with client.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await answer.read()) == pages.text
        async with client.get(url, headers={"Accept-Encoding": "identity"}) as answer:
            assert await answer.read() == pages.text


async def test_those_who_hang_up_leave_one_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    go, begun, compress = threading.Event(), threading.Semaphore(0), zlib.compress

    def slow(*arguments: Any) -> bytes:
        begun.release()
        go.wait(10)
        return compress(*arguments)

    monkeypatch.setattr(zlib, "compress", slow)
    pages = Pages()
    async with serving(pages) as server:
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
            await asyncio.wait_for(pages.asked.acquire(), 5)
            writer.close()
        assert await asyncio.to_thread(begun.acquire, timeout=5)
        assert not await asyncio.to_thread(begun.acquire, timeout=0.2)
        go.set()
        assert (await get(server, "/metrics"))[:2] == (200, "up 1\n")


async def test_why_it_is_not_ready_is_said() -> None:
    async with serving(Pages(), unready=lambda: "the tracer does not answer") as server:
        assert (await get(server, "/readyz"))[:2] == (503, "not ready: the tracer does not answer\n")
        assert (await get(server, "/healthz"))[0] == 200


async def test_a_failed_scrape_is_one_line() -> None:
    pages = Pages()
    pages.failure = ArenaError("the arena cannot be read")
    async with serving(pages) as server:
        assert (await get(server, "/metrics"))[:2] == (500, "the arena cannot be read\n")


async def test_without_an_address_both_families_are_served() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 on this machine")
    async with serving(Pages(), listen=":0") as server:
        assert (await get(server, "/healthz"))[0] == 200
        assert (await get(server, "/healthz", host="[::1]"))[0] == 200


def test_a_port_in_use_is_one_line() -> None:
    (taken,) = bind("127.0.0.1:0")
    with taken, pytest.raises(ServerError, match=r"^metrics\.listen: 127\.0\.0\.1:\d+ is in use by another program$"):
        bind(f"127.0.0.1:{taken.getsockname()[1]}")


@pytest.mark.parametrize("listen", ["192.0.2.1:0", "no.such.host.invalid:80"])
def test_an_address_that_is_not_ours_is_one_line(listen: str) -> None:
    with pytest.raises(ServerError, match=r"^metrics\.listen: cannot listen on .*: \S.*$"):
        bind(listen)


async def test_who_says_nothing_is_let_go() -> None:
    async with serving(Pages(), header_seconds=0.2) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")  # and no end of the headers
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_who_does_not_read_is_let_go() -> None:
    pages = Pages()
    pages.text = b"x" * 50_000_000
    async with serving(pages, answer_seconds=0.5) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(until_idle(server), 5)
        assert len(await asyncio.wait_for(reader.read(), 5)) < len(pages.text)
        writer.close()


async def until_idle(server: HttpServer) -> None:
    """Waits until a request has come and all are answered or given up."""
    seen = False
    while not (seen and server.answering == 0):
        seen = seen or server.answering > 0
        await asyncio.sleep(0.01)


async def test_connections_are_bounded_and_the_oldest_silent_one_goes() -> None:
    async with serving(Pages(), max_connections=3) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]
        for reader, _ in held[:2]:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        for reader, writer in held[2:]:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"ok\n")
        for _, writer in held:
            writer.close()


async def test_silent_connections_do_not_keep_a_scraper_out() -> None:
    async with serving(Pages(), max_connections=3) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        for _, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\n")
        assert (await get(server, "/metrics"))[:2] == (200, "up 1\n")
        for _, writer in held:
            writer.close()


async def test_who_is_answered_makes_room_for_nobody() -> None:
    pages = Pages()
    pages.go.clear()
    async with serving(pages, max_connections=2) as server:
        held = [asyncio.create_task(get(server, "/metrics")) for _ in range(2)]
        for _ in held:
            await asyncio.wait_for(pages.asked.acquire(), 5)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        pages.go.set()
        assert {status for status, _, _ in await asyncio.gather(*held)} == {200}
        assert (await get(server, "/healthz"))[0] == 200


async def test_who_does_not_read_the_end_of_an_answer_makes_room() -> None:
    pages = Pages()
    pages.text = b"x" * 50_000_000
    async with serving(pages, max_connections=1, answer_seconds=0.5) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(until_idle(server), 5)
        assert (await get(server, "/healthz"))[0] == 200
        writer.close()


async def test_who_hangs_up_before_the_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    pages = Pages()
    async with serving(pages) as server:
        for _ in range(3):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            client.close()
        assert (await get(server, "/healthz"))[0] == 200
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_scrapes_at_once_are_bounded() -> None:
    pages = Pages()
    pages.go.clear()
    async with serving(pages) as server:
        held = [asyncio.create_task(get(server, "/metrics")) for _ in range(MAX_SCRAPES)]
        for _ in range(MAX_SCRAPES):
            await asyncio.wait_for(pages.asked.acquire(), 5)
        assert (await get(server, "/metrics"))[0] == 503
        pages.go.set()
        assert {status for status, _, _ in await asyncio.gather(*held)} == {200}


async def test_those_who_do_not_read_do_not_keep_a_scraper_out() -> None:
    pages = Pages()
    pages.text = b"x" * 8_000_000
    loop = asyncio.get_running_loop()
    async with serving(pages) as server:
        held = [socket.socket() for _ in range(MAX_SCRAPES)]
        for number, client in enumerate(held, 1):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(0)
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(client, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(until_sending(server, number), 5)
        status, text, _ = await get(server, "/metrics")
        assert (status, len(text)) == (200, len(pages.text))
        await asyncio.wait_for(until_sending(server, MAX_SCRAPES - 1), 5)
        assert await received(held[0]) < len(pages.text)  # the oldest one's place it was
        assert server.answering == MAX_SCRAPES - 1
        for client in held:
            client.close()


async def until_sending(server: HttpServer, number: int) -> None:
    sending: list[object] = []
    while len(sending) != number:
        await asyncio.sleep(0.01)
        sending = list(server._listener._sending)


async def received(client: socket.socket) -> int:
    """How many bytes come until the end of the connection."""
    count = 0
    with suppress(ConnectionResetError):
        while data := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 65536), 5):
            count += len(data)
    return count


@pytest.fixture
def certificate(tmp_path: Path) -> Tls:
    if not shutil.which("openssl"):
        pytest.skip("needs the command openssl, to make a certificate")
    tls = Tls(cert=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subject = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make, *subject, "-keyout", tls.key, "-out", tls.cert], check=True, capture_output=True)
    return tls


async def test_tls(certificate: Tls) -> None:
    context = tls_context(certificate)
    load_certificate(context, certificate)  # as on SIGHUP
    trusting = ssl.create_default_context(cafile=certificate.cert)
    async with serving(Pages(), tls=context) as server, aiohttp.ClientSession() as client:
        async with client.get(f"https://127.0.0.1:{server.port}/healthz", ssl=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await get(server, "/healthz")


async def test_silence_before_the_handshake_is_bounded_in_number_and_time(certificate: Tls) -> None:
    trusting = ssl.create_default_context(cafile=certificate.cert)
    context = tls_context(certificate)
    async with serving(Pages(), tls=context, max_connections=3, header_seconds=1.0) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]
        for reader, writer in held[:2]:
            assert await asyncio.wait_for(reader.read(), 0.9) == b""  # by the number, not yet by the time
            writer.close()
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"https://127.0.0.1:{server.port}/healthz", ssl=trusting) as answer,
        ):
            assert answer.status == 200
        for reader, writer in held[2:]:
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()


async def test_silence_after_the_handshake_is_let_go(certificate: Tls) -> None:
    trusting = ssl.create_default_context(cafile=certificate.cert)
    async with serving(Pages(), tls=tls_context(certificate), header_seconds=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting)
        with suppress(ConnectionError, ssl.SSLError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    missing = Tls(cert=str(tmp_path / "none"), key=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"^metrics\.tls: .*cannot be read: No such file"):
        tls_context(missing)
    (tmp_path / "bad").write_text("nonsense")
    with pytest.raises(ConfigError, match=r"^metrics\.tls: .* are no certificate and its key"):
        tls_context(Tls(cert=str(tmp_path / "bad"), key=str(tmp_path / "bad")))
