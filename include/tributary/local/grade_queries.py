"""What core holds of every graded measure, as queries by day and channel."""

from __future__ import annotations

from tributary.sandbox.truth import SHARE_PLACES

# Measures of counted orders and of their refunds by the column that holds them.
_ORDER_COLUMNS = (
    "gross_amount",
    "discount_amount",
    "included_tax_amount",
    "net_amount",
    "shipping_amount",
    "tax_amount",
    "gift_card_amount",
)
_REFUND_COLUMNS = {
    "returned_amount": "returned_amount",
    "adjustment_amount": "adjustment_amount",
    "refunded_total": "total_amount",
}
_CREDIT_MODELS = ("first", "last", "linear", "shapley", "markov_per_order")
# The credits that people see of one type of conversion.
_CURRENT = (
    " from core.credit as c join core.credit_pointer as p"
    " on p.store_id = c.store_id and p.credit_set_id = c.credit_set_id"
    " and p.conversion_type = '{}'"
    " left join core.touch as t on t.store_id = c.store_id and t.touch_id = c.touch_id"
)


def measures() -> dict[str, str]:
    """measure -> rows (connector, store, day, channel, currency, value)."""
    head = "select connector, store_id, {day}, {channel}, {currency}, {value} from {source}"
    tail = " group by 1, 2, 3, 4, 5"
    orders = {"day": "order_day", "channel": "''", "source": "core.sales_order where is_counted"}
    refunds = {"day": "refund_day", "channel": "''", "source": "core.refund where is_counted"}
    counted = {"currency": "''", "value": "count(*)"}
    queries = {
        "orders": head.format(**orders, **counted),
        "first_purchases": head.format(**orders, **counted) + " and is_first_purchase",
        "order_lines": head.format(
            **{**orders, "source": "core.order_line where is_counted"}, **counted
        ),
        "visits": head.format(
            day="touch_day",
            channel="channel",
            source="core.touch where evidence_type = 'visit'",
            **counted,
        ),
    }
    for column in _ORDER_COLUMNS:
        queries[column] = head.format(**orders, currency="currency_code", value=f"sum({column})")
    for measure, column in _REFUND_COLUMNS.items():
        queries[measure] = head.format(**refunds, currency="currency_code", value=f"sum({column})")
    site = {**_site_queries(head), **_channel_queries(head), **_action_queries(head)}
    return {m: query + tail for m, query in (queries | site | _credit_queries()).items()}


def _channel_queries(head: str) -> dict[str, str]:
    """What vendors report by channel and day. Web analytics alone claims by channel."""
    money = ("spend_amount", "claimed_value_amount")
    return {
        column: head.format(
            day="day",
            channel="channel",
            currency="currency_code" if column in money else "''",
            value=f"sum({column})",
            source="core.channel_daily"
            + (" where connector = 'ga4'" if column.startswith(("claimed", "sessions")) else ""),
        )
        for column in (*money, "impressions", "clicks", "sessions", "claimed_conversions")
    }


_SITE_COLUMNS = (
    "sessions",
    "engaged_sessions",
    "page_views",
    "total_users",
    "new_users",
    "claimed_conversions",
    "claimed_value_amount",
)


def _site_queries(head: str) -> dict[str, str]:
    """What web analytics counted of the site; `channel` names dimension and value."""
    queries = {
        f"site_{column}": head.format(
            day="day",
            channel="dimension_set || ' ' || dimension_value",
            currency="currency_code" if column.endswith("_amount") else "''",
            value=f"sum({column})",
            source="core.site_daily",
        )
        for column in _SITE_COLUMNS
    }
    for column in ("total_users", "new_users", "sessions"):
        queries[f"period_{column}"] = head.format(
            day="first_day",
            channel="period",
            currency="''",
            value=f"sum({column})",
            source="core.site_user_count",
        )
    seen = {"day": "day", "channel": "''", "source": "core.site_purchase"}
    return queries | {
        "orders_seen": head.format(**seen, currency="''", value="count(distinct order_id)"),
        "purchases_seen": head.format(**seen, currency="''", value="sum(purchases)"),
        "seen_value_amount": head.format(
            **seen, currency="currency_code", value="sum(claimed_value_amount)"
        ),
    }


def _credit_queries() -> dict[str, str]:
    """Credited revenue by conversion day and channel; touch 0 is revenue that none explains."""
    current = _CURRENT.format("purchase")
    head = "select 'attribution', c.store_id, c.conversion_day, {channel}, c.currency_code, "
    queries = {
        f"revenue_{model}": head.format(channel="coalesce(t.channel, '')")
        + f"sum(c.{model}_amount){current} where c.touch_id <> 0"
        for model in _CREDIT_MODELS
    }
    queries["unattributed_revenue"] = (
        head.format(channel="''") + f"sum(c.linear_amount){current} where c.touch_id = 0"
    )
    return queries


def _action_queries(head: str) -> dict[str, str]:
    """Registrations and leads, their value, and both by channel."""
    queries = {}
    for kind in ("registration", "lead"):
        source = {"day": "conversion_day", "channel": "''"}
        source["source"] = f"core.conversion where conversion_type = '{kind}'"
        queries[f"{kind}s"] = head.format(**source, currency="''", value="count(*)")
        queries[f"{kind}_value"] = head.format(
            **source, currency="currency_code", value="sum(value_amount)"
        )
        credited = "select 'attribution', c.store_id, c.conversion_day, coalesce(t.channel, ''),"
        current = _CURRENT.format(kind)
        for model in ("first", "last", "linear"):
            share = f"round(sum(c.{model}_share)::numeric, {SHARE_PLACES})"
            queries[f"{kind}s_{model}"] = f"{credited} '', {share}{current} where c.touch_id <> 0"
        for model in ("first", "last", "linear", "shapley"):
            value = f"sum(c.{model}_amount){current} where c.touch_id <> 0"
            queries[f"{kind}_value_{model}"] = f"{credited} c.currency_code, {value}"
        none = f"{current} where c.touch_id = 0"
        queries[f"{kind}s_unattributed"] = f"{credited} '', count(*){none}"
        queries[f"{kind}_value_unattributed"] = (
            f"{credited} c.currency_code, sum(c.linear_amount){none}"
        )
    return queries
