"""The names by which Dags wake each other."""

from __future__ import annotations

from airflow.sdk import Asset

from tributary.connectors.spec import all_connectors

PUBLISHED = Asset(name="tributary/published", uri="tributary://published")
# Updated when the data-driven models have learned again.
MODELS = Asset(name="tributary/models", uri="tributary://models")


def feed_asset(feed: str) -> Asset:
    """The asset an ingest Dag of `feed` updates when something landed."""
    return Asset(name=f"tributary/{feed}", uri=f"tributary://feed/{feed}", group="tributary")


def feeds() -> list[str]:
    """Every feed a connector declares, by name."""
    return sorted({connector.feed for connector in all_connectors().values()})
