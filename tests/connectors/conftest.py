"""A vendor that answers from recorded pages, and what the one suite does with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import yaml

from tributary.clock import FixedClock
from tributary.connectors.spec import Connector, Credentials, Page, Request, all_connectors
from tributary.pipeline.ingest import ingest
from tributary.settings import Account, AccountConfig, StoreConfig
from tributary.transport.wire import Wire, using_wire
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection
from tributary.warehouse.loads import LoadResult
from tributary.window import Window

HERE = Path(__file__).resolve().parent
Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class Case:
    """One connector's recorded conversation: case.yml, expect.yml, pages/*.json."""

    name: str
    spec: dict[str, Any]
    expect: dict[str, Any]

    @property
    def connector(self) -> Connector:
        return all_connectors()[self.spec["connector"]]

    @property
    def store(self) -> StoreConfig:
        store = self.spec["store"]
        account = AccountConfig(self.spec["connector"], self.spec["account"])
        return StoreConfig(
            store["id"], store["id"], store["timezone"], store["currency"], [account]
        )

    @property
    def account(self) -> Account:
        store = self.spec["store"]
        return Account(
            store["id"],
            self.spec["connector"],
            self.spec["account"],
            store["timezone"],
            store["currency"],
        )

    @property
    def credentials(self) -> Credentials:
        return Credentials(**self.spec["credentials"])

    @property
    def window(self) -> Window:
        given = self.spec["window"]
        return Window(datetime.fromisoformat(given["start"]), datetime.fromisoformat(given["end"]))

    def page(self, name: str) -> bytes:
        return (HERE / self.name / "pages" / f"{name}.json").read_bytes()

    def edited(self, name: str, edit: Callable[[Any], None]) -> bytes:
        """A page with something changed by the test."""
        data = json.loads(self.page(name))
        edit(data)
        return json.dumps(data).encode()


@dataclass
class Vendor:
    """Answers requests from the recorded pages. `before` answers come first, each once; `instead`
    replaces pages by name. Requests are kept."""

    case: Case
    before: list[Answer] = field(default_factory=list)
    instead: dict[str, bytes] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.before:
            return self.before.pop(0)(request)
        text = f"{request.method} {request.url} {text_of(request)}"
        for exchange in self.case.spec["exchanges"]:
            if all(part in text for part in exchange["when"]):
                page = exchange["page"]
                self.asked[page] += 1
                body = self.instead.get(page) or self.case.page(page)
                return httpx.Response(200, content=body)
        raise AssertionError(f"nothing recorded for {text[:300]}")

    @property
    def texts(self) -> list[str]:
        return [text_of(request) for request in self.requests]


def text_of(request: httpx.Request) -> str:
    """The request's body as written, with escapes of JSON strings resolved."""
    return request.content.decode().replace("\\n", "\n").replace('\\"', '"')


@dataclass
class Bench:
    """Runs a case against its vendor into a warehouse, on a clock that stands still."""

    case: Case
    vendor: Vendor
    clock: FixedClock

    @contextmanager
    def wired(self) -> Iterator[None]:
        with using_wire(Wire(self.clock, Random(7), httpx.MockTransport(self.vendor))):
            yield

    def pages(self, mode: str = "incremental") -> list[Page]:
        stream = self.case.connector.stream(self.case.spec["stream"])
        request = Request(
            self.case.account,
            self.case.credentials,
            self.case.window,
            mode,  # type: ignore[arg-type]
        )
        with self.wired():
            return list(stream.extract(request))

    def land(self, conn: Connection, mode: str = "incremental") -> LoadResult:
        case = self.case
        stores.sync(conn, [case.store], [case.connector])
        with self.wired():
            return ingest(
                conn,
                case.account,
                case.connector,
                case.connector.stream(case.spec["stream"]),
                case.credentials,
                case.window,
                mode,  # type: ignore[arg-type]
                "run",
                self.clock,
            )


def read_case(name: str) -> Case:
    folder = HERE / name
    return Case(
        name,
        yaml.safe_load((folder / "case.yml").read_text()),
        yaml.safe_load((folder / "expect.yml").read_text()),
    )


def case_names() -> list[str]:
    return sorted(path.parent.name for path in HERE.glob("*/case.yml"))


@pytest.fixture
def make_bench() -> Callable[[str], Bench]:
    """A bench for the case of a name."""

    def make(name: str) -> Bench:
        case = read_case(name)
        return Bench(case, Vendor(case), FixedClock(datetime(2026, 11, 3, tzinfo=UTC)))

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bench" in metafunc.fixturenames:
        metafunc.parametrize("case_name", case_names())


@pytest.fixture
def bench(case_name: str, make_bench: Callable[[str], Bench]) -> Bench:
    """A bench for each recorded case."""
    return make_bench(case_name)
