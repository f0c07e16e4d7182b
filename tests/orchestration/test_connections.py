"""Connection types, setup in Airflow's own database, and what tasks read from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest


@pytest.fixture
def session(airflow: None) -> Iterator[Any]:
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session


def _connection(session: Any, conn_id: str) -> Any:
    from airflow.models.connection import Connection
    from sqlalchemy import select

    session.expire_all()
    return session.scalar(select(Connection).where(Connection.conn_id == conn_id))


def _edit(session: Any, conn_id: str, **fields: object) -> None:
    row = _connection(session, conn_id)
    for name, value in fields.items():
        setattr(row, name, value)
    session.commit()


def test_every_connector_is_a_connection_type_with_its_form(airflow: None) -> None:
    from airflow.providers_manager import ProvidersManager

    from tributary.connectors.spec import all_connectors

    manager = ProvidersManager()
    assert all_connectors()
    for connector in all_connectors().values():
        hook = manager.hooks[connector.name]
        assert hook is not None
        assert hook.connection_testable
        assert hook.hook_name == connector.title
        behaviour = manager.field_behaviours[connector.name]
        assert behaviour["hidden_fields"] == list(connector.form.hidden)
        assert behaviour["relabeling"] == dict(connector.form.labels)
        for name in connector.form.extra_fields:
            assert f"extra__{connector.name}__{name}" in manager.connection_form_widgets
    shopify = manager.field_behaviours["shopify"]
    assert shopify["relabeling"]["password"] == "Admin API access token"


def test_the_test_button_answers_for_good_and_bad_credentials(
    airflow: None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.connection import Connection

    def press(folder: str) -> tuple[bool, str]:
        # what the api-server does: the connection as a URI in the environment, then the hook
        connection = Connection("trial", "files", extra={"folder": folder})
        monkeypatch.setenv("AIRFLOW_CONN_TRIAL", connection.get_uri())
        return connection.test_connection()

    good, absent = press(""), press(str(tmp_path / "absent"))
    assert good[0] is True
    assert absent[0] is False
    assert "does not exist" in absent[1]


def test_a_base_url_survives_the_way_to_the_test_button(
    airflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.connection import Connection

    from tributary.orchestration import hooks

    host = "http://127.0.0.1:9/shopify/north"
    connection = Connection("trial", "shopify", host=host, password="p/@:w")
    monkeypatch.setenv("AIRFLOW_CONN_TRIAL", connection.get_uri())
    found = hooks.ShopifyHook("trial").get_conn()
    assert (found.host, found.password) == (host, "p/@:w")


def test_setup_twice_changes_nothing(session: Any) -> None:
    from tributary.orchestration.setup import ConnectionSeed, default_pools, ensure

    seed = ConnectionSeed("shopify__twice", "shopify", "http://127.0.0.1:1/a", password="one")
    first, second = ensure([seed]), ensure([seed])
    assert first.created == ("shopify__twice",)
    assert (second.created, second.updated, second.left, second.pools_created) == ((), (), (), ())
    row = _connection(session, "shopify__twice")
    assert (row.conn_type, row.host, row.get_password()) == ("shopify", seed.host, "one")
    assert "one" not in (row.description or "")
    from airflow.models.pool import Pool

    slots = {pool.pool: pool.slots for pool in Pool.get_pools()}
    assert default_pools().items() <= slots.items()


def test_a_connection_we_made_follows_its_seed_until_a_person_edits_it(session: Any) -> None:
    from tributary.orchestration.setup import ConnectionSeed, ensure

    seed = ConnectionSeed("shopify__edited", "shopify", "http://127.0.0.1:1/a", password="one")
    moved = replace(seed, host="http://127.0.0.1:2/a", password="two")
    ensure([seed])
    assert ensure([moved]).updated == ("shopify__edited",)
    row = _connection(session, "shopify__edited")
    assert (row.host, row.get_password()) == (moved.host, "two")

    _edit(session, "shopify__edited", host="https://real.myshopify.com")
    assert ensure([seed]).left == ("shopify__edited",)
    assert _connection(session, "shopify__edited").host == "https://real.myshopify.com"


def test_a_connection_or_pool_a_person_made_is_left_alone(session: Any) -> None:
    from airflow.models.connection import Connection
    from airflow.models.pool import Pool

    from tributary.orchestration.setup import ConnectionSeed, ensure

    session.add(Connection("shopify__theirs", "shopify", host="https://theirs", password="mine"))
    ensure([], {"theirs": 7})
    session.commit()
    assert ensure([ConnectionSeed("shopify__theirs", "shopify", "x")], {"theirs": 9}).left == (
        "shopify__theirs",
    )
    assert _connection(session, "shopify__theirs").host == "https://theirs"
    assert Pool.get_pool("theirs").slots == 7


def test_the_warehouse_is_the_environments_or_else_the_airflow_connection(
    airflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tributary.errors import ConfigurationError
    from tributary.orchestration.access import warehouse_url
    from tributary.orchestration.setup import ConnectionSeed

    monkeypatch.delenv("TRIBUTARY_WAREHOUSE_URL", raising=False)
    with pytest.raises(ConfigurationError, match="no warehouse is configured"):
        warehouse_url()
    url = "postgresql://me:p%40ss%2Fword@db.example:6543/warehouse?sslmode=require"
    seed = ConnectionSeed.postgres("warehouse", url)
    fields = {k: v for k, v in asdict(seed).items() if k != "conn_id"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))
    assert warehouse_url() == url
    monkeypatch.setenv("TRIBUTARY_WAREHOUSE_URL", "postgresql://elsewhere/w")
    assert warehouse_url() == "postgresql://elsewhere/w"


def test_only_a_connector_that_needs_no_secret_may_lack_its_connection(airflow: None) -> None:
    from tributary.connectors.spec import Credentials, all_connectors
    from tributary.errors import ConfigurationError
    from tributary.orchestration.access import credentials
    from tributary.settings import Account

    files, shopify = all_connectors()["files"], all_connectors()["shopify"]
    assert credentials(files, Account("s", "files", "none", "UTC", "EUR")) == Credentials()
    with pytest.raises(ConfigurationError, match="'shopify__none' is missing"):
        credentials(shopify, Account("s", "shopify", "none", "UTC", "EUR"))
