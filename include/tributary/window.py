"""Half-open time windows, and the day an instant falls on in a zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, order=True)
class Window:
    """All instants t with start <= t < end; both aware, kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware datetimes")
        if self.end <= self.start:
            raise ValueError(f"empty window: {self.start.isoformat()} to {self.end.isoformat()}")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))

    @classmethod
    def of_days(cls, first: date, end: date, zone: str = "UTC") -> Window:
        """Days first <= d < end as they fall in `zone` (DST days have 23 or 25 hours)."""
        tz = ZoneInfo(zone)
        return cls(datetime.combine(first, time(), tz), datetime.combine(end, time(), tz))

    def widened(self, days: int) -> Window:
        """The same window, starting `days` earlier: what a stream re-reads for restatements."""
        return Window(self.start - timedelta(days=days), self.end)

    def until(self, present: datetime) -> Window:
        """What of it has happened at `present`; ValueError when nothing has."""
        if present <= self.start:
            raise ValueError(f"{self} lies in the future of {present.isoformat()}")
        return Window(self.start, min(self.end, present))

    def days(self, zone: str = "UTC") -> Iterator[date]:
        """Every day of `zone` the window touches, in order."""
        day, last = day_of(self.start, zone), day_of(self.end - timedelta(microseconds=1), zone)
        while day <= last:
            yield day
            day += timedelta(days=1)

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%dT%H:%M:%SZ}, {self.end:%Y-%m-%dT%H:%M:%SZ})"


def day_of(instant: datetime, zone: str) -> date:
    """The calendar day of an aware instant in `zone`."""
    if instant.tzinfo is None:
        raise ValueError("day_of needs an aware datetime")
    return instant.astimezone(ZoneInfo(zone)).date()
