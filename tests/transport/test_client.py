"""The client: retries and waits, certificates, truncated bodies, rate limits, clean errors."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest

from tributary.clock import FixedClock
from tributary.errors import (
    AccountSkipped,
    AuthenticationFailed,
    ConfigurationError,
    RateLimited,
    RequestRejected,
    SchemaDrift,
    TributaryError,
    VendorUnavailable,
)
from tributary.transport.auth import HeaderAuth
from tributary.transport.client import Client, Service
from tributary.transport.limits import Rate, RetryPolicy
from tributary.transport.wire import Wire

SECRET = "k3y-0123456789-abcdef"
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response]


class Thing(msgspec.Struct):
    n: int


def client(
    answers: list[Any], clock: FixedClock, seen: list[httpx.Request], **options: Any
) -> Client:
    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    service = Service(
        "acme",
        "https://api.acme.example/v1",
        "acme__main",
        auth=HeaderAuth("X-Acme-Token", SECRET),
        **options,
    )
    return Client(service, Wire(clock, Random(1), httpx.MockTransport(handler)))


def ask(given: Client, check: Callable[[Thing], None] = lambda thing: None) -> int:
    with given:
        decode = msgspec.json.Decoder(Thing).decode
        return given.request("GET", "/things", decode=decode, check=check).value.n


def ok(n: int = 1) -> httpx.Response:
    return httpx.Response(200, json={"n": n})


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(500),
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(408),
        httpx.Response(200, content=b'{"n": '),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    ],
)
def test_what_cures_itself_is_tried_again(failure: Any) -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    assert ask(client([failure, ok(7)], clock, seen)) == 7
    assert len(seen) == 2 and len(clock.slept) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRejected),
        (401, AuthenticationFailed),
        (402, AccountSkipped),
        (403, AccountSkipped),
        (404, RequestRejected),
        (422, RequestRejected),
        (423, AccountSkipped),
        (301, ConfigurationError),
    ],
)
def test_what_does_not_cure_itself_is_raised_at_once(
    status: int, kind: type[TributaryError]
) -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    with pytest.raises(kind, match="acme__main") as caught:
        ask(client([httpx.Response(status, text="no")], clock, seen))
    assert type(caught.value) is kind
    assert len(seen) == 1 and clock.slept == []


def test_waits_double_within_bounds_and_end() -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    with pytest.raises(VendorUnavailable):
        ask(client([httpx.Response(503)] * 6, clock, seen))
    assert len(seen) == 6
    fulls = [1, 2, 4, 8, 16]
    assert all(f / 2 <= wait <= f for wait, f in zip(clock.slept, fulls, strict=True))


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Mon, 02 Nov 2026 12:00:20 GMT", 20.0)]
)
def test_retry_after_is_obeyed(header: str, seconds: float) -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    ask(client([httpx.Response(429, headers={"Retry-After": header}), ok()], clock, seen))
    (wait,) = clock.slept
    assert seconds <= wait <= seconds + 1


def test_a_wait_longer_than_the_budget_is_left_to_the_caller() -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    answers = [httpx.Response(429, headers={"Retry-After": "3600"})]
    with pytest.raises(RateLimited) as caught:
        ask(client(answers, clock, seen))
    assert caught.value.wait_seconds == 3600 and clock.slept == []


def test_a_check_of_the_body_is_tried_again_when_it_says_so() -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()

    def check(thing: Thing) -> None:
        if thing.n == 0:
            raise RateLimited("throttled in a body of status 200", 2.5)

    assert ask(client([ok(0), ok(3)], clock, seen), check) == 3
    assert 2.5 <= clock.slept[0] <= 3.0


def test_another_shape_stops_the_stream_and_is_not_tried_again() -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    with pytest.raises(SchemaDrift, match=r"\$\.n"):
        ask(client([httpx.Response(200, json={"n": "many"})], clock, seen))
    assert len(seen) == 1


def test_the_rate_limit_spaces_requests() -> None:
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    given = client([ok()] * 5, clock, seen, rate=Rate(per_second=2, burst=2))
    decode = msgspec.json.Decoder(Thing).decode
    for _ in range(5):
        given.request("GET", "/things", decode=decode)
    assert clock.slept == [0.5, 0.5, 0.5]


def test_no_secret_in_errors_logs_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    text = f"bad token {SECRET} of ada@example.com"
    policy = RetryPolicy(attempts=2)
    with pytest.raises(VendorUnavailable) as caught:
        ask(client([httpx.Response(500, text=text)] * 2, clock, seen, retry=policy))
    assert seen[0].headers["X-Acme-Token"] == SECRET
    for output in (str(caught.value), caplog.text, repr(HeaderAuth("X-Acme-Token", SECRET))):
        assert SECRET not in output and "ada@example.com" not in output
    assert "attempt 1" in caplog.text


@pytest.mark.parametrize("host", ["", "my-shop", "ftp://x.example", "http://", "https://[::bad"])
def test_a_host_that_is_no_address_is_the_users_to_correct(host: str) -> None:
    with pytest.raises(ConfigurationError, match="acme__main"):
        Client(Service("acme", host, "acme__main"))


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_a_wrong_certificate_bundle_is_a_clear_sentence(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE") as caught:
        Client(Service("acme", "https://api.acme.example", "acme__main"))
    assert str(bundle) in str(caught.value)


def test_an_untrusted_certificate_is_a_clear_sentence() -> None:
    refused = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer")
    refused.__cause__ = ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")
    clock, seen = FixedClock(NOW), list[httpx.Request]()
    with pytest.raises(ConfigurationError, match=r"certificate of acme at api\.acme\.example"):
        ask(client([refused], clock, seen))
    assert len(seen) == 1


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """A server on the loopback that says `answer` to each connection and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    if not answer:
                        return
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def test_a_body_shorter_than_announced_is_not_taken() -> None:
    body = json.dumps({"n": 1}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + body
    clock = FixedClock(NOW)
    with raw_server(answer) as address:
        service = Service("acme", address, "acme__main", retry=RetryPolicy(attempts=3))
        with (
            Client(service, Wire(clock, Random(1))) as given,
            pytest.raises(VendorUnavailable, match="cut off"),
        ):
            given.request("GET", "/", decode=msgspec.json.Decoder(Thing).decode)
    assert len(clock.slept) == 2


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    service = Service("acme", f"http://127.0.0.1:{port}", "a", retry=RetryPolicy(attempts=1))
    with (
        Client(service, Wire(FixedClock(NOW))) as given,
        pytest.raises(VendorUnavailable, match=f"127.0.0.1:{port}"),
    ):
        given.request("GET", "/", decode=msgspec.json.Decoder(Thing).decode)
