"""One Airflow hook per connector, `<Name>Hook`, so that its connections have a Test button."""

from __future__ import annotations

from typing import ClassVar

from airflow.sdk import BaseHook

from tributary.connectors.spec import Connector, Credentials, all_connectors
from tributary.errors import TributaryError
from tributary.orchestration.access import of_connection
from tributary.orchestration.provider_info import hook_class_name


class ConnectorHook(BaseHook):
    """Reads the credentials of one connection and asks the vendor about them."""

    conn_name_attr = "connection_id"
    connector: ClassVar[Connector]

    def __init__(self, connection_id: str) -> None:
        super().__init__()
        self.connection_id = connection_id

    def get_conn(self) -> Credentials:
        return of_connection(self.get_connection(self.connection_id))

    def test_connection(self) -> tuple[bool, str]:
        """Whether the vendor takes the credentials, and a sentence for people."""
        from tributary.transport.redaction import redact

        try:
            return True, self.connector.test(self.get_conn())
        except TributaryError as error:
            return False, str(error)
        except Exception as error:
            return False, redact(f"{type(error).__name__}: {error}")


def _hook(connector: Connector) -> type[ConnectorHook]:
    attributes = {
        "__module__": __name__,
        "__doc__": f"Connections of type {connector.name}.",
        "connector": connector,
        "conn_type": connector.name,
        "hook_name": connector.title,
        "default_conn_name": f"{connector.name}__default",
    }
    return type(hook_class_name(connector.name), (ConnectorHook,), attributes)


globals().update({hook_class_name(c.name): _hook(c) for c in all_connectors().values()})
