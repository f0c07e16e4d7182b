"""A vendor that answers from recorded pages, and what the one suite does with it.

A case is a folder with case.yml, expect.yml and pages/: `<connector>/` or, where a connector has
several streams, `<connector>/<case>/`. docs/adding-a-vendor.md lists what stands in the files.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from random import Random
from typing import Any, get_args
from urllib.parse import unquote_plus

import httpx
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tributary.clock import FixedClock
from tributary.connectors.spec import (
    Connector,
    Credentials,
    Mode,
    Page,
    Request,
    Stream,
    all_connectors,
)
from tributary.pipeline.ingest import ingest
from tributary.settings import Account, AccountConfig, StoreConfig, accounts
from tributary.transport.wire import Wire, using_wire
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection
from tributary.warehouse.loads import LoadResult
from tributary.window import Window

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TODO = "TODO"
GUIDE = "docs/adding-a-vendor.md"
NOW = "2026-11-03T00:00:00Z"
PRIVATE_KEY = "<private key>"
Answer = Callable[[httpx.Request], httpx.Response]
Step = str | int


@dataclass
class Case:
    """One stream's recorded conversation; `folder` holds case.yml, expect.yml and pages/."""

    name: str
    folder: Path
    spec: dict[str, Any]
    expect: dict[str, Any]

    @property
    def connector(self) -> Connector:
        return all_connectors()[self.spec["connector"]]

    @property
    def stream(self) -> Stream:
        return self.connector.stream(self.spec["stream"])

    @property
    def modes(self) -> list[Mode]:
        """What the stream can be asked for: no backfill where the vendor knows no past."""
        both: list[Mode] = list(get_args(Mode))
        return both if self.stream.backfill != "none" else ["incremental"]

    @property
    def store(self) -> StoreConfig:
        given = self.spec["account"]
        account = given if isinstance(given, dict) else {"id": given}
        entry = AccountConfig(connector=self.spec["connector"], **account)
        store = {"name": self.spec["store"]["id"], **self.spec["store"]}
        return StoreConfig(accounts=[entry], **store)

    @property
    def account(self) -> Account:
        (account,) = accounts([self.store])
        return account

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(**_with_key(self.spec["credentials"]))

    @property
    def secrets(self) -> list[str]:
        """What no log line, error or row may hold."""
        sent = self.spec["auth"]["value"].split()[-1]
        named = [sent, self.credentials.password, *self.spec.get("secrets", [])]
        if PRIVATE_KEY in json.dumps(self.spec["credentials"]):
            named.append(private_key().splitlines()[1])
        return [secret for secret in dict.fromkeys(named) if secret]

    @property
    def window(self) -> Window:
        given = self.spec["window"]
        return Window(datetime.fromisoformat(given["start"]), datetime.fromisoformat(given["end"]))

    def path(self, name: str) -> Path:
        """A page's file: pages/<name>.json, or pages/<name> where that names its own ending."""
        folder = self.folder / "pages"
        return folder / name if (folder / name).suffix else folder / f"{name}.json"

    def page(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def edited(self, name: str, edit: Callable[[Any], None]) -> bytes:
        """A page with something changed by the test."""
        data = json.loads(self.page(name))
        edit(data)
        return json.dumps(data).encode()

    def missing(self) -> list[str]:
        """What a stub still lacks, one line each."""
        pages = [self.path(exchange["page"]) for exchange in self.spec["exchanges"]]
        lines = [
            f"record real pages: {path.relative_to(ROOT)} is empty or absent"
            for path in pages
            if not path.exists() or not path.read_bytes().strip()
        ]
        return lines + [
            f"fill in what says TODO in {path.relative_to(ROOT)}"
            for path in self.sources()
            if TODO in path.read_text()
        ]

    def sources(self) -> list[Path]:
        """What people wrote for this connector: its code, its models, this case."""
        name = self.spec["connector"]
        code = ROOT / "include" / "tributary" / "connectors"
        return [
            *(path for path in (code / f"{name}.py",) if path.exists()),
            *sorted((code / name).rglob("*.py")),
            *sorted((ROOT / "sql" / "models" / "core").glob(f"*/{name}*.sql")),
            self.folder / "case.yml",
            self.folder / "expect.yml",
        ]


def _with_key(value: Any) -> Any:
    """`value` with a private key of this session where the case asks for one."""
    if isinstance(value, dict):
        return {name: _with_key(part) for name, part in value.items()}
    if not isinstance(value, str) or PRIVATE_KEY not in value:
        return value
    key = json.dumps(private_key())[1:-1] if value.lstrip().startswith("{") else private_key()
    return value.replace(PRIVATE_KEY, key)


@cache
def private_key() -> str:
    """An RSA key as a vendor's key file holds it; none is kept in the repository."""
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@dataclass
class Vendor:
    """Answers requests from the recorded pages. `before` answers come first, each once, to what is
    not a token exchange, `before_token` to those; `instead` replaces pages by name. Requests are
    kept."""

    case: Case
    before: list[Answer] = field(default_factory=list)
    before_token: list[Answer] = field(default_factory=list)
    instead: dict[str, bytes] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    token_requests: list[httpx.Request] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = text_of(request)
        exchange = self.recorded(text)
        is_token = bool(exchange and exchange.get("is_token"))
        (self.token_requests if is_token else self.requests).append(request)
        if first := self.before_token if is_token else self.before:
            return first.pop(0)(request)
        if exchange is None:
            raise AssertionError(f"nothing recorded for {text[:600]}")
        page = exchange["page"]
        self.asked[page] += 1
        body = self.instead.get(page) or self.case.page(page)
        return httpx.Response(
            exchange.get("status", 200), content=body, headers=exchange.get("headers", {})
        )

    def recorded(self, text: str) -> dict[str, Any] | None:
        """The first exchange whose texts all stand in the request."""
        for exchange in self.case.spec["exchanges"]:
            if all(part in text for part in exchange["when"]):
                return dict(exchange)
        return None

    @property
    def texts(self) -> list[str]:
        return [text_of(request) for request in self.requests]


def text_of(request: httpx.Request) -> str:
    """Method, address and body as written; then both again with their escapes resolved."""
    body = request.content.decode(errors="replace")
    plain = body.replace("\\n", "\n").replace('\\"', '"')
    address = unquote_plus(str(request.url))
    return f"{request.method} {request.url} {plain}\n{address} {unquote_plus(body)}"


def change(tree: Any, path: str, make: Callable[[Any], Any] | None) -> int:
    """Replace (or remove, when `make` is None) what `path` names: `data.orders.0.total`, where `*`
    is every item. Returns how many places were changed."""
    *above, last = (int(step) if step.isdigit() else step for step in path.split("."))
    places = [tree]
    for step in above:
        places = [part for place in places for part in _at(place, step)]
    changed = 0
    for place in places:
        names = list(range(len(place))) if last == "*" and isinstance(place, list) else [last]
        for name in reversed(names):
            if make is None:
                del place[name]
            else:
                old = place.get(name) if isinstance(place, dict) else place[name]
                place[name] = make(old)
            changed += 1
    return changed


def _at(place: Any, step: Step) -> list[Any]:
    if step == "*":
        return list(place.values() if isinstance(place, dict) else place)
    return [place[step]]


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

    def pages(self, mode: Mode = "incremental") -> list[Page]:
        case = self.case
        request = Request(case.account, case.credentials, case.window, mode)
        with self.wired():
            return list(case.stream.extract(request))

    def land(self, conn: Connection, mode: Mode = "incremental") -> LoadResult:
        case = self.case
        stores.sync(conn, [case.store], [case.connector])
        with self.wired():
            return ingest(
                conn,
                case.account,
                case.connector,
                case.stream,
                case.credentials,
                case.window,
                mode,
                "run",
                self.clock,
            )

    def edit(self, name: str) -> dict[str, Any]:
        """Apply the edit of the case called `name` to its page; returns the edit."""
        edit = dict(self.case.spec["edits"][name])
        for part in (edit, *([edit["also"]] if "also" in edit else [])):
            self._apply(name, part)
        return edit

    def _apply(self, name: str, edit: dict[str, Any]) -> None:
        page = edit["page"]
        if "replace" in edit:  # a page that is not JSON
            old, new = (str(edit[part]).encode() for part in ("replace", "to"))
            body = self.case.page(page)
            assert old in body, f"{self.case.name}: edit {name} changes nothing"
            self.vendor.instead[page] = body.replace(old, new)
            return
        data = json.loads(self.case.page(page))
        path = edit.get("remove") or edit["set"]
        changed = change(data, path, None if "remove" in edit else lambda _: edit["to"])
        assert changed, f"{self.case.name}: edit {name} changes nothing"
        self.vendor.instead[page] = json.dumps(data).encode()


def read_case(name: str) -> Case:
    folder = HERE / name
    spec, expect = (
        yaml.safe_load((folder / file).read_text()) for file in ("case.yml", "expect.yml")
    )
    return Case(name, folder, spec, expect)


def has_token(name: str) -> bool:
    """Whether the case fetches an access token first."""
    return any(exchange.get("is_token") for exchange in read_case(name).spec["exchanges"])


def case_names() -> list[str]:
    """Every folder with a case, found by listing."""
    found = [*HERE.glob("*/case.yml"), *HERE.glob("*/*/case.yml")]
    return sorted(path.parent.relative_to(HERE).as_posix() for path in found)


@pytest.fixture
def make_bench(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    """A bench for the case of a name, with a key for hashes of personal data."""
    monkeypatch.setenv("TRIBUTARY_KEY", "00" * 32)

    def make(name: str) -> Bench:
        case = read_case(name)
        missing = case.missing()
        if missing:
            pytest.fail("\n".join([f"{name} is a stub ({GUIDE})", *missing]), pytrace=False)
        now = datetime.fromisoformat(case.spec.get("now", NOW)).astimezone(UTC)
        return Bench(case, Vendor(case), FixedClock(now))

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "token_bench" in metafunc.fixturenames:
        metafunc.parametrize("case_name", [name for name in case_names() if has_token(name)])
    elif "bench" in metafunc.fixturenames:
        metafunc.parametrize("case_name", case_names())


@pytest.fixture
def bench(case_name: str, make_bench: Callable[[str], Bench]) -> Bench:
    """A bench for each recorded case."""
    return make_bench(case_name)


@pytest.fixture
def token_bench(bench: Bench) -> Bench:
    """A bench for each case that fetches an access token first."""
    return bench
