"""The gate of credits: a conversion's worth goes out whole, once, and to touches before it."""

from __future__ import annotations

from tributary.clock import Clock
from tributary.quality import results
from tributary.quality.results import CheckResult, measured
from tributary.quality.run import check_derived
from tributary.warehouse import candidates, contracts
from tributary.warehouse.connection import Connection, name

# Shares are floating point; they sum to 1 this exactly. Amounts sum exactly.
TOLERANCE = "1e-9"

_TABLES = (
    "identity",
    "model_state",
    "model_channel",
    "model_pointer",
    "credit_set",
    "credit_pointer",
    "credit",
)
_KEY = "c.store_id, c.credit_set_id, c.conversion_id"
# Ids are unique over conversion types, so type is no part of the join.
_CONVERSION = (
    "inner join work.credited_conversion as v"
    " on v.store_id = c.store_id and v.conversion_id = c.conversion_id\n"
)
_CREDITED_TOUCH = candidates.rows(
    "touch",
    "t.store_id, t.touch_id, t.occurred_at",
    "join credited as o on o.store_id = t.store_id and o.touch_id = t.touch_id",
    row="t",
)


def models() -> list[str]:
    """The attribution models that core.credit has columns for."""
    columns = contracts.load_all()["core.credit"].columns
    return [c.removesuffix("_share") for c in columns if c.endswith("_share")]


def check_credits(conn: Connection, run_id: str, clock: Clock) -> list[CheckResult]:
    """Check the run's credits against its conversions and touches; results to ops.check_result.

    Raises CheckFailed with the five worst rows of each check that failed.
    """
    row = conn.execute("select count(*) from work.credit").fetchone()
    assert row is not None
    candidates.list_credited_conversions(conn)
    broken = _broken_models(conn)
    found = [
        measured(
            conn,
            name=f"credit.{check}",
            table="core.credit",
            severity="stop",
            description=description,
            reproduce_sql=sql,
            rows_checked=int(row[0]),
            asked=is_asked,
        )
        for (check, description, sql), is_asked in [
            *((rule, True) for rule in _structure()),
            *((_conserves(model), model in broken) for model in models()),
        ]
    ]
    found = [*check_derived(conn, _TABLES), *found]
    results.write(conn, run_id, found, clock.now())
    results.stop_if_failed(run_id, found)
    return found


def _broken_models(conn: Connection) -> set[str]:
    """The models that any conversion's credits break, found in one pass over all credits."""
    each = ", ".join(f"{_breaks(model)} as {name(model)}" for model in models())
    any_of = ", ".join(f"coalesce(bool_or({name(model)}), false)" for model in models())
    row = conn.execute(
        f"select {any_of} from (select {each} from work.credit as c {_CONVERSION}"
        f" group by {_KEY}, v.value_amount) as conversion"
    ).fetchone()
    assert row is not None
    return {model for model, is_broken in zip(models(), row, strict=True) if is_broken}


def _breaks(model: str) -> str:
    """The condition on a conversion's credits that they are not its whole."""
    share, amount = f"c.{model}_share", f"c.{model}_amount"
    # A NaN compares as greater than every number, so it breaks the first condition; a NULL breaks
    # the counts.
    return (
        f"(abs(sum({share}) - 1) > {TOLERANCE} or min({share}) < 0"
        f" or sum({amount}) <> v.value_amount"
        f" or count({share}) < count(*) or count({amount}) < count(*))"
    )


def _conserves(model: str) -> tuple[str, str, str]:
    share, amount = f"c.{model}_share", f"c.{model}_amount"
    return (
        f"{model}_conserves",
        f"shares of model {model} are never negative and sum to 1, amounts sum to the value",
        f"select {_KEY}, sum({share}) as shares, min({share}) as smallest_share,"
        f" sum({amount}) as amount, v.value_amount\n"
        f"from work.credit as c\n{_CONVERSION}"
        f"group by {_KEY}, v.value_amount\n"
        f"having {_breaks(model)}\n"
        f"order by {_KEY}",
    )


def _structure() -> list[tuple[str, str, str]]:
    """Checks that are the same for every model: name, rule, SQL of the bad rows."""
    return [
        (
            "covers_conversions",
            "every conversion the run builds or touches has credit in the current set",
            "select v.store_id, p.credit_set_id, v.conversion_id, v.value_amount\n"
            "from work.credited_conversion as v\n"
            "left join work.candidate_credit_pointer as p\n"
            "    on p.store_id = v.store_id and p.conversion_type = v.conversion_type\n"
            "left join work.credit_scope as s\n"
            "    on s.store_id = v.store_id and s.credit_set_id = p.credit_set_id"
            " and s.conversion_id = v.conversion_id\n"
            "where not exists (select 1 from work.credit as c"
            " where c.store_id = v.store_id and c.credit_set_id = p.credit_set_id"
            " and c.conversion_id = v.conversion_id)\n"
            # What the run does not credit again has its published credit.
            "    and (s.conversion_id is not null or not exists (select 1 from core.credit as c"
            " where c.store_id = v.store_id and c.credit_set_id = p.credit_set_id"
            " and c.conversion_id = v.conversion_id))\n"
            "order by v.store_id, p.credit_set_id, v.conversion_id",
        ),
        (
            "belongs_to_a_conversion",
            "every credit is of a conversion of its set's type that exists, on its day and in its"
            " currency",
            "with credit_set as materialized (\n"
            "    select store_id, credit_set_id, conversion_type from work.candidate_credit_set\n"
            ")\n"
            f"select {_KEY}, c.touch_id, c.conversion_day, c.currency_code\n"
            "from work.credit as c\n"
            "left join credit_set as d"
            " on d.store_id = c.store_id and d.credit_set_id = c.credit_set_id\n"
            "left join work.credited_conversion as v"
            " on v.store_id = c.store_id and v.conversion_id = c.conversion_id"
            " and v.conversion_type = d.conversion_type\n"
            "where (c.conversion_day, c.currency_code)"
            " is distinct from (v.conversion_day, v.currency_code)\n"
            f"order by {_KEY}, c.touch_id",
        ),
        (
            "unattributed_stands_alone",
            "a conversion is unattributed (touch 0) only where no touch has credit",
            f"select {_KEY}, count(*) as credits\nfrom work.credit as c\n"
            f"group by {_KEY}\nhaving bool_or(c.touch_id = 0) and count(*) > 1\norder by {_KEY}",
        ),
        (
            "touch_comes_first",
            "a credited touch exists, and none comes after its conversion",
            # Only credited touches are looked up: there may be a thousand times as many others.
            "with credited as materialized (\n"
            "    select distinct store_id, touch_id from work.credit where touch_id <> 0\n),\n"
            f"touch as materialized (\n{_CREDITED_TOUCH}\n)\n"
            f"select {_KEY}, c.touch_id, t.occurred_at, v.converted_at\n"
            f"from work.credit as c\n{_CONVERSION}"
            "left join touch as t on t.store_id = c.store_id and t.touch_id = c.touch_id\n"
            "where c.touch_id <> 0 and (t.occurred_at <= v.converted_at) is not true\n"
            f"order by {_KEY}, c.touch_id",
        ),
    ]
