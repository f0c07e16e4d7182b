"""A first draft of a mapping for files nobody described: best guess by column names and values."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from tributary.connectors.files import reader
from tributary.connectors.files.kinds import KINDS, Field
from tributary.connectors.files.mapping import FileSpec

# Field -> words its column may be named by, most telling first.
_WORDS = {
    "order_id": "order_id orderid order_number order invoice invoiceno sale_id transaction_id",
    "refund_id": "refund_id refundid return_id credit_note",
    "ordered_at": "ordered_at order_date invoicedate sale_datetime created_at datetime"
    " timestamp date",
    "refunded_at": "refunded_at refund_date returned_at return_date created_at timestamp date",
    "occurred_at": "occurred_at click_datetime event_time clicked_at visited_at datetime"
    " timestamp time date",
    "day": "date day metric_date",
    "user_key": "user_key user_id userid customer_id customerid client_id visitor_id user"
    " customer email",
    "sku": "sku stockcode product_id item_id variant_id",
    "title": "title description product_name item_name product",
    "quantity": "quantity qty units",
    "gross_amount": "gross_amount line_total revenue amount total price value"
    " revenue_local_currency",
    "returned_amount": "returned_amount refund_amount refunded amount total",
    "discount_amount": "discount_amount discount",
    "tax_amount": "tax_amount tax vat",
    "shipping_amount": "shipping_amount shipping freight",
    "spend_amount": "spend cost amount_spent ad_spend",
    "impressions": "impressions views",
    "clicks": "clicks link_clicks",
    "source": "source utm_source marketing_source",
    "medium": "medium utm_medium marketing_medium",
    "campaign": "campaign utm_campaign marketing_campaign campaign_name",
    "campaign_id": "campaign_id campaignid",
    "campaign_name": "campaign_name campaign",
    "channel": "channel channel_name marketing_channel channel_id",
    "currency_code": "currency currency_code local_currency",
    "region_country": "country region_country shipping_country",
}
# The columns that make a kind: the file is the first kind of which all of one group are there.
_SIGNS = (
    ("spend", (("spend_amount", "day"),)),
    ("refund", (("refund_id", "returned_amount"),)),
    ("order_line", (("order_id", "gross_amount"), ("order_id", "ordered_at"))),
    ("touch", (("user_key", "occurred_at"),)),
)


def draft(files: list[tuple[Path, str]], known: list[str] | None = None) -> str:
    """A mapping YAML ready to edit; what could not be guessed is marked with FILL IN."""
    lines = [
        "name: my_files",
        "timezone: UTC      # of times without an offset",
        "currency: USD      # where no column states it",
        "files:",
    ]
    for path, name in files:
        lines += _entry(path, name)
    if known:
        lines.append(
            f"# The other files are known ({', '.join(sorted(set(known)))}), but"
            " a mapping.yml describes all files of its folder:\n# give these a folder of their own,"
            " or add entries for the others."
        )
    return "\n".join(lines) + "\n"


def _entry(path: Path, name: str) -> list[str]:
    delimiter, columns = _columns(path)
    kind_name, found = _guess(columns)
    lines = [
        f"  # {name}: {', '.join(columns[:20])}{', ...' if len(columns) > 20 else ''}",
        f'  - match: ["{name}"]',
    ]
    if delimiter != ",":
        lines.append(f'    delimiter: "{_yaml_char(delimiter)}"')
    if not kind_name:
        lines.append(
            "    # FILL IN the kind (touch, order_line, refund, spend), or `ignore:` the file"
        )
    kind = KINDS[kind_name or "order_line"]
    lines += ["    rows:", f"      - kind: {kind.name}", "        columns:"]
    for field in kind.fields:
        column = found.get(field.name) or _best(field, columns)
        if column:
            lines.append(f"          {field.name}: {_quoted(column)}")
        elif field.required:
            lines.append(f"          {field.name}: ???  # FILL IN, required")
    return lines


def _columns(path: Path) -> tuple[str, list[str]]:
    with reader.unchanging(path):
        if reader.is_parquet(path):
            return ",", reader.header(path, FileSpec(rows=()))
        line = reader.first_line(path)
    delimiter = max(",;\t|", key=line.count)
    return delimiter, [c.strip() for c in next(csv.reader([line], delimiter=delimiter), [])]


def _guess(columns: list[str]) -> tuple[str, dict[str, str]]:
    for kind, groups in _SIGNS:
        fields = {f.name: f for f in KINDS[kind].fields}
        for group in groups:
            found = {name: _best(fields[name], columns) for name in group}
            if all(found.values()):
                return kind, found
    return "", {}


def _best(field: Field, columns: list[str]) -> str:
    """The column whose name says this field most plainly, or ''."""
    words = _WORDS.get(field.name, field.name).split()
    normal = {re.sub(r"[^a-z0-9]+", "_", c.lower()).strip("_"): c for c in reversed(columns)}
    return next((normal[word] for word in words if word in normal), "")


def _quoted(column: str) -> str:
    return column if re.fullmatch(r"[A-Za-z_]\w*", column) else f'"{column}"'


def _yaml_char(char: str) -> str:
    return "\\t" if char == "\t" else char
