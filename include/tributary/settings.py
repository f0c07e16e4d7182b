"""Settings: where things are, which stores exist. Read from the environment once, at the rim.

TRIBUTARY_WAREHOUSE_URL  postgresql://... of the warehouse
TRIBUTARY_CONFIG         the stores file (YAML), see StoreConfig
TRIBUTARY_STATE          the folder of a local installation (default: <checkout>/.tributary)
TRIBUTARY_KEY            the installation's secret for keyed hashes of personal data (hex)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from tributary.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "sql"

# What people are credited for, in the order in which it is credited.
ConversionType = Literal["purchase", "registration", "lead"]


class AccountConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One vendor account of a store.

    `id` is unique per connector over all stores: the Airflow connection is `<connector>__<id>`.
    `timezone` and `currency` default to the store's. `options` are the connector's own settings
    (never secrets): files has `folder` and, if wanted, `mapping`.
    """

    connector: str
    id: str
    timezone: str = ""
    currency: str = ""
    options: dict[str, str] = {}


class AttributionRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is otherwise than in attribution.AttributionConfig, field by field."""

    half_life_days: float | msgspec.UnsetType = msgspec.UNSET
    position: tuple[float, float, float] | msgspec.UnsetType = msgspec.UNSET
    direct: Literal["ignore-if-other", "ignore-if-last", "as-any"] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    path_transform: Literal["unique", "exposure", "first"] | msgspec.UnsetType = msgspec.UNSET
    include_channels: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    exclude_channels: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    exclude_sources: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    repeat: Literal["overlap", "since-last"] | msgspec.UnsetType = msgspec.UNSET
    max_touches: int | msgspec.UnsetType = msgspec.UNSET
    paid_channels: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class ConversionTypeSettings(
    AttributionRules, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What one type of conversion has otherwise than its store; days of lookback by evidence
    type.
    """

    click: int | msgspec.UnsetType = msgspec.UNSET
    visit: int | msgspec.UnsetType = msgspec.UNSET
    email_click: int | msgspec.UnsetType = msgspec.UNSET
    view: int | msgspec.UnsetType = msgspec.UNSET
    coupon: int | msgspec.UnsetType = msgspec.UNSET
    influencer_code: int | msgspec.UnsetType = msgspec.UNSET
    survey: int | msgspec.UnsetType = msgspec.UNSET
    marketplace: int | msgspec.UnsetType = msgspec.UNSET


class AttributionSettings(
    AttributionRules, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a store has otherwise than the defaults. `lookback_days` by evidence type (click,
    visit, email_click, view, ...).
    """

    lookback_days: dict[str, int] = {}
    conversion_types: dict[ConversionType, ConversionTypeSettings] = {}


class IdentitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`hub_limits`: how many others an identifier may meet before it joins nobody, by kind (client,
    device, user, customer, email, click, order); identity/hubs.py has the defaults.
    """

    hub_limits: dict[str, int] = {}


class StoreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One shop: its reporting zone and currency, its accounts, where visits and orders come from.

    `visit_source` auto: the event export if the store has one, else the shop's moments.
    `order_source` event_export: the store has no shop connector, GA4 purchases are its orders.
    `attribution` and `identity` state what this store has otherwise than the defaults.
    """

    id: str
    name: str
    timezone: str
    currency: str
    accounts: list[AccountConfig]
    visit_source: Literal["auto", "event_export", "shop_moments", "none"] = "auto"
    order_source: Literal["shop", "event_export"] = "shop"
    attribution: AttributionSettings = AttributionSettings()
    identity: IdentitySettings = IdentitySettings()


class Account(msgspec.Struct, frozen=True):
    """An account with its store's defaults filled in: what a connector is given."""

    store_id: str
    connector: str
    account_id: str
    timezone: str
    currency: str
    options: Mapping[str, str] = {}

    @property
    def connection_id(self) -> str:
        return f"{self.connector}__{self.account_id}"


class _StoresFile(msgspec.Struct, forbid_unknown_fields=True):
    stores: list[StoreConfig]


def load_stores(path: Path) -> list[StoreConfig]:
    """Read and check the stores file; ConfigurationError names the file and the field."""
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"cannot read the stores file {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not valid YAML: {error}") from error
    try:
        stores = msgspec.convert(raw, _StoresFile).stores
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    seen: set[tuple[str, str]] = set()
    for account in accounts(stores):
        if (account.connector, account.account_id) in seen:
            raise ConfigurationError(
                f"{path}: account id {account.account_id!r} is used twice for "
                f"{account.connector}; account ids are unique per connector"
            )
        seen.add((account.connector, account.account_id))
    return stores


def accounts(stores: list[StoreConfig], connector: str | None = None) -> list[Account]:
    """The accounts of all stores (of one connector, if named), with defaults filled in."""
    return [
        Account(
            store.id,
            account.connector,
            account.id,
            account.timezone or store.timezone,
            account.currency or store.currency,
            account.options,
        )
        for store in stores
        for account in store.accounts
        if connector in (None, account.connector)
    ]


def required(name: str) -> str:
    """An environment variable that must be set."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set; `tributary env` shows a local installation's")
    return value


def stores_file() -> Path:
    return Path(required("TRIBUTARY_CONFIG"))


def warehouse_url() -> str:
    return required("TRIBUTARY_WAREHOUSE_URL")
