"""The stores file of a local installation: the sandbox's two shops, or one for a user's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from tributary.local.state import Installation, slug
from tributary.settings import AccountConfig, StoreConfig

if TYPE_CHECKING:
    from tributary.sandbox.catalog import Store


def write_stores(installation: Installation) -> list[StoreConfig]:
    """Write stores.yml as the sandbox or the user's folder needs it; returns its stores.

    Raises ConfigurationError with a ready-to-edit mapping for files that are not known.
    """
    stores = (
        sandbox_stores(installation.drop_folder)
        if installation.data is None
        else [_data_store(installation.data)]
    )
    text = yaml.safe_dump(
        {"stores": [msgspec.to_builtins(store) for store in stores]}, sort_keys=False
    )
    head = "# Written by `tributary up` at every start; to keep your own, set TRIBUTARY_CONFIG.\n"
    installation.stores_file.write_text(head + text)
    return stores


def sandbox_stores(drop_folder: Path) -> list[StoreConfig]:
    """The sandbox's stores with all their accounts; their files are below `drop_folder`."""
    from tributary.sandbox.catalog import STORES

    return [
        StoreConfig(
            id=store.id,
            name=store.name,
            timezone=store.timezone,
            currency=store.currency,
            accounts=[
                AccountConfig("shopify", store.id, options={"emails": "yes"}),
                AccountConfig(
                    "files", f"{store.id}_files", options={"folder": str(drop_folder / store.id)}
                ),
                *_bigquery_account(store),
                AccountConfig("ga4", store.id, options={"property": store.ga4_property}),
            ],
        )
        for store in STORES.values()
    ]


def _bigquery_account(store: Store) -> list[AccountConfig]:
    """For a store whose event export is there and not in its drop folder."""
    if store.event_export != "bigquery":
        return []
    options = {"property": store.ga4_property, "location": store.google_location}
    return [AccountConfig("bigquery", f"{store.id}_events", options=options)]


def _data_store(data: Path) -> StoreConfig:
    from tributary.connectors.files import recognise

    found = recognise(data)
    name = data.stem if data.is_file() else data.name
    return StoreConfig(
        id=slug(name),
        name=found.title or name,
        timezone=found.timezone,
        currency=found.currency,
        accounts=[AccountConfig("files", f"{slug(name)}_files", options=found.options)],
        order_source=found.order_source,
    )
