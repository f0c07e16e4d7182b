"""Tells Airflow our connection types; called in every process, so it imports only the specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tributary.connectors.spec import Connector


def get_provider_info() -> dict[str, Any]:
    """The provider description of the entry point `apache_airflow_provider`."""
    from tributary.connectors.spec import all_connectors

    return {
        "package-name": "tributary",
        "name": "Tributary",
        "description": "Marketing and sales channels into one warehouse, checked and attributed.",
        "connection-types": [_connection_type(c) for c in all_connectors().values()],
    }


def hook_class_name(connector_name: str) -> str:
    """tiktok_ads -> TiktokAdsHook"""
    return "".join(part.capitalize() for part in connector_name.split("_")) + "Hook"


def _connection_type(connector: Connector) -> dict[str, Any]:
    form = connector.form
    described: dict[str, Any] = {
        "connection-type": connector.name,
        "hook-class-name": f"tributary.orchestration.hooks.{hook_class_name(connector.name)}",
        "hook-name": connector.title,
        "ui-field-behaviour": {
            "hidden-fields": list(form.hidden),
            "relabeling": dict(form.labels),
            "placeholders": dict(form.placeholders),
        },
    }
    if form.extra_fields:
        described["conn-fields"] = {
            name: _field(dict(declared)) for name, declared in form.extra_fields.items()
        }
    return described


def _field(declared: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema with title and description, as a spec declares it, in Airflow's spelling.

    Fields are optional, because an empty form field is sent as null.
    """
    label, description = declared.pop("title", ""), declared.pop("description", "")
    kind = declared.get("type", "string")
    declared["type"] = kind if isinstance(kind, list) else [kind, "null"]
    return {"label": label, "description": description, "schema": declared}
