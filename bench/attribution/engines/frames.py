"""polars and DuckDB straight on touches: the five usual rules, or the path file others need.

python frames.py polars|duckdb TOUCHES.parquet CONVERSIONS.parquet
python frames.py paths TOUCHES.parquet CONVERSIONS.parquet PATHS.csv
"""

from __future__ import annotations

import json
import sys
import time

import duckdb
import polars

DAY_US = 86_400_000_000
RULES = ("first", "last", "linear", "time_decay", "position_based")

SQL = """
with pairs as (
    select t.channel, c.user_id,
        row_number() over (partition by c.user_id order by t.time) as place,
        count(*) over (partition by c.user_id) as size,
        pow(2, -date_diff('microsecond', t.time, c.time) / {day} / 7.0) as decay
    from '{sales}' as c
    inner join '{touches}' as t on t.user_id = c.user_id and t.time <= c.time
        and t.time >= c.time - interval 365 day
), shares as (
    select channel, (place = 1)::double as first, (place = size)::double as last,
        1.0 / size as linear, decay / sum(decay) over (partition by user_id) as time_decay,
        case when size = 1 then 1 when size = 2 then 0.5 when place in (1, size) then 0.4
            else 0.2 / (size - 2) end as position_based
    from pairs
)
select channel, {sums} from shares group by channel
"""
PATHS = """
copy (
    select path, count(c.user_id) as total_conversions,
        coalesce(sum(c.value), 0) as total_conversion_value,
        count(*) - count(c.user_id) as total_null
    from (
        select user_id, string_agg(channel, ' > ' order by time) as path
        from '{touches}' group by user_id
    ) as journeys
    left join '{sales}' as c using (user_id)
    group by path
) to '{paths}' (header)
"""


def by_polars(touches: str, sales: str) -> list[tuple[object, ...]]:
    sold = polars.scan_parquet(sales).rename({"time": "sold_at"})
    age = (polars.col("sold_at") - polars.col("time")).dt.total_microseconds()
    place, size = polars.int_range(polars.len()).over("user_id"), polars.len().over("user_id")
    rows: list[tuple[object, ...]] = (
        polars.scan_parquet(touches)
        .join(sold, on="user_id")
        .filter(age.is_between(0, 365 * DAY_US))
        .sort("user_id", "time")
        .with_columns(place=place, size=size, decay=polars.lit(2.0).pow(-age / DAY_US / 7))
        .with_columns(
            first=(polars.col("place") == 0).cast(polars.Float64),
            last=(polars.col("place") == polars.col("size") - 1).cast(polars.Float64),
            linear=1 / polars.col("size"),
            time_decay=polars.col("decay") / polars.col("decay").sum().over("user_id"),
            position_based=polars.when(polars.col("size") == 1)
            .then(1.0)
            .when(polars.col("size") == 2)
            .then(0.5)
            .when((polars.col("place") == 0) | (polars.col("place") == polars.col("size") - 1))
            .then(0.4)
            .otherwise(0.2 / (polars.col("size").cast(polars.Float64) - 2)),
        )
        .group_by("channel")
        .agg(*(polars.col(rule).sum() for rule in RULES))
        .collect()
        .rows()
    )
    return rows


def by_duckdb(touches: str, sales: str) -> list[tuple[object, ...]]:
    sums = ", ".join(f"sum({rule})" for rule in RULES)
    sql = SQL.format(day=f"{DAY_US}.0", sales=sales, touches=touches, sums=sums)
    rows: list[tuple[object, ...]] = duckdb.execute(sql).fetchall()
    return rows


def main(engine: str, touches: str, sales: str, paths: str = "") -> None:
    begun = time.perf_counter()
    rows: list[tuple[object, ...]] = []
    if engine == "paths":
        duckdb.execute(PATHS.format(sales=sales, touches=touches, paths=paths))
    else:
        rows = by_polars(touches, sales) if engine == "polars" else by_duckdb(touches, sales)
    seconds = time.perf_counter() - begun
    answer = {f"{rule}/{row[0]}": row[at] for row in rows for at, rule in enumerate(RULES, 1)}
    sys.stdout.write(json.dumps({"seconds": seconds, "answer": answer}) + "\n")


main(*sys.argv[1:])
