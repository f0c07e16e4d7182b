"""A drop folder that changes at random: orders over several days and files, refunds, touches,
spend, GA4 events. What a random step does depends on its seed only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.files.test_core import ORDERS, REFUNDS, event
from tributary.sandbox.ga4 import SCHEMA

TOUCHES = "touch_id,occurred_at,user_key,source,medium,campaign,channel,click_id_type\n"
SPEND = "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency\n"
ORDER_FILES = ("orders_a.csv", "orders_b.csv")
HEADERS = {
    **dict.fromkeys(ORDER_FILES, ORDERS),
    "refunds.csv": REFUNDS,
    "touches.csv": TOUCHES,
    "spend.csv": SPEND,
}
SOURCES = (("google", "cpc"), ("newsletter", "email"), ("tiktok", "paid_social"), ("", ""))
USERS = 6
Row = dict[str, Any]


@dataclass
class DropFolder:
    """`rows` by file and key; two order files may hold the same line where `shared_lines`."""

    path: Path
    random: Random
    shared_lines: bool = False
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in HEADERS})
    events: dict[int, Row] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    _numbers: int = 0

    def start(self) -> None:
        for _ in range(12):
            self.add_order()
            self.add_touch()
            self.add_spend()
            self.add_event()
        for _ in range(4):
            self.add_refund()
        self.write()

    def mutate(self) -> None:
        """Some steps of any kind, then the files are written anew."""
        steps = (
            *(self.add_order, self.add_touch, self.add_spend, self.add_event, self.add_refund),
            *(self.change, self.change, self.change, self.withdraw, self.move, self.split),
            *(self.change_event, self.withdraw_event, self.empty),
        )
        for _ in range(self.random.randint(3, 10)):
            step = self.random.choice(steps)
            self.done[step.__name__] += 1
            step()
        self.write()

    def add_order(self) -> None:
        number, file = self._number(), self.random.choice(ORDER_FILES)
        at, user = self._at(), self._user()
        for line in range(1, self.random.randint(2, 4)):
            self._put_line(file, f"o{number}", line, at, user)

    def add_refund(self) -> None:
        number, at = self._number(), self._at()
        orders = sorted({row["order_id"] for row in self._lines()})
        order = self.random.choice([*orders, *orders, *orders, "", "unknown"])
        for sku in self.random.sample(("a", "b", "c"), self.random.randint(1, 2)):
            self.rows["refunds.csv"][f"r{number}|{sku}"] = {
                "refund_id": f"r{number}",
                "order_id": order,
                "at": at,
                "user": self._user(),
                "sku": sku,
                "amount": self._amount(5),
            }

    def add_touch(self) -> None:
        source, medium = self.random.choice(SOURCES)
        self.rows["touches.csv"][f"t{self._number()}"] = {
            "at": self._at(),
            "user": self._user(),
            "source": source,
            "medium": medium,
        }

    def add_spend(self) -> None:
        key = f"{self._at()[:10]}|c{self.random.randint(1, 3)}"
        self.rows["spend.csv"][key] = {"amount": self._amount(50)}

    def add_event(self) -> None:
        source, medium = self.random.choice(SOURCES)
        bought = self.random.random() < 0.3
        orders = sorted({row["order_id"] for row in self._lines()}) or ["o0"]
        self.events[self._number()] = {
            "at": self._at(),
            "user": f"c{self.random.randint(1, USERS)}",
            "session": self.random.randint(1, 3),
            "source": source,
            "medium": medium,
            "transaction_id": self.random.choice(orders) if bought else "",
        }

    def change(self) -> None:
        """Another amount, time, person or order of one row, whatever it has of these."""
        file = self.random.choice(list(HEADERS))
        if not self.rows[file]:
            return
        row = self.rows[file][self.random.choice(sorted(self.rows[file]))]
        what = self.random.choice([k for k in ("amount", "at", "user", "order_id") if k in row])
        if what == "order_id" and file != "refunds.csv":
            what = "amount"
        orders = sorted({line["order_id"] for line in self._lines()}) or [""]
        row[what] = {
            "amount": self._amount(60),
            "at": self._at(),
            "user": self._user(),
            "order_id": self.random.choice(orders),
        }[what]

    def withdraw(self) -> None:
        file = self.random.choice(list(HEADERS))
        for key in self.random.sample(sorted(self.rows[file]), min(2, len(self.rows[file]))):
            del self.rows[file][key]

    def move(self) -> None:
        """A line goes to the other order file, or into both."""
        here, there = self.random.sample(ORDER_FILES, 2)
        if not self.rows[here]:
            return
        key = self.random.choice(sorted(self.rows[here]))
        if self.shared_lines:
            self.rows[there][key] = {**self.rows[here][key], "amount": self._amount(40)}
        if not self.shared_lines or self.random.random() < 0.5:
            self.rows[there].setdefault(key, self.rows[here][key])
            del self.rows[here][key]

    def split(self) -> None:
        """An order gets a line on another day, perhaps in the other file."""
        lines = list(self._lines())
        if lines:
            known = self.random.choice(lines)
            file = self.random.choice(ORDER_FILES)
            number = 10 + self._number()
            self._put_line(file, known["order_id"], number, self._at(), known["user"])

    def change_event(self) -> None:
        if self.events:
            row = self.events[self.random.choice(sorted(self.events))]
            what = self.random.choice(("at", "user", "source"))
            row[what] = {"at": self._at(), "user": f"c{self.random.randint(1, USERS)}"}.get(
                what, self.random.choice(SOURCES)[0]
            )

    def withdraw_event(self) -> None:
        if self.events:
            del self.events[self.random.choice(sorted(self.events))]

    def empty(self) -> None:
        """Seldom: nothing is left in a file but its header."""
        if self.random.random() < 0.2:
            self.rows[self.random.choice(list(HEADERS))].clear()

    def write(self) -> None:
        for file, header in HEADERS.items():
            rows = [_text(file, key, row) for key, row in self.rows[file].items()]
            self.random.shuffle(rows)
            (self.path / file).write_text(header + "".join(rows))
        days: dict[str, list[Row]] = {f"202603{day:02d}": [] for day in range(1, 29)}
        for row in self.events.values():
            made = _event(row)
            days[made["event_date"]].append(made)
        for day, events in days.items():
            path = self.path / f"events_{day}.parquet"
            if events or path.exists():
                events.sort(key=lambda e: e["event_timestamp"])
                pq.write_table(pa.Table.from_pylist(events, schema=SCHEMA), path)

    def _put_line(self, file: str, order: str, line: int, at: str, user: str) -> None:
        self.rows[file][f"{order}|{line}"] = {
            "order_id": order,
            "line": line,
            "at": at,
            "user": user,
            "sku": self.random.choice(("a", "b", "c")),
            "amount": self._amount(40),
        }

    def _lines(self) -> list[Row]:
        return [row for file in ORDER_FILES for row in self.rows[file].values()]

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _at(self) -> str:
        return self.random.choice(_DAYS)

    def _user(self) -> str:
        return f"u{self.random.randint(1, USERS)}"

    def _amount(self, most: int) -> str:
        return f"{self.random.randint(100, most * 100) / 100:.2f}"


_START = datetime(2026, 3, 1)  # noqa: DTZ001
_DAYS = [f"{_START + timedelta(hours=5 * n):%Y-%m-%dT%H:%M}" for n in range(130)]


def _text(file: str, key: str, row: Row) -> str:
    if file in ORDER_FILES:
        cells = [row["order_id"], row["line"], row["at"], row["user"], row["sku"], "Thing", 1]
        cells += [row["amount"], "0.50", "0.40", "0", "EUR"]
    elif file == "refunds.csv":
        cells = [row["refund_id"], row["order_id"], row["at"], row["user"], row["sku"], 1]
        cells += [row["amount"], "0.10", "0", "EUR"]
    elif file == "touches.csv":
        cells = [key, row["at"], row["user"], row["source"], row["medium"], "spring", "", ""]
    else:
        day, campaign = key.split("|")
        cells = [day, "", campaign, campaign, "google", "cpc", row["amount"], 100, 5, "EUR"]
    return ",".join(str(cell) for cell in cells) + "\n"


def _event(row: Row) -> Row:
    more = {name: row[name] for name in ("source", "medium", "transaction_id") if row.get(name)}
    name = "purchase" if row.get("transaction_id") else "page_view"
    return event(row["at"], name, row["user"], session=row["session"], **more)
