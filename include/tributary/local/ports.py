"""Ports of 127.0.0.1: the usual one, the one used last, or a free one; the user's own is a must."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable

import psutil

from tributary.errors import ConfigurationError
from tributary.local.postgres import free_port


def is_free(port: int) -> bool:
    """Whether nobody listens on the port of 127.0.0.1, directly or on all addresses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def reserve(port: int) -> socket.socket:
    """Keep other installations off the port until its server listens: a UDP socket, held open.

    Raises OSError when another one holds it.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        raise
    return held


def choose_and_reserve(preferred: Iterable[int]) -> tuple[int, socket.socket]:
    """As `choose`, but never a port that another installation is about to use."""
    for port in [*preferred, *(free_port() for _ in range(20))]:
        if port and is_free(port):
            with contextlib.suppress(OSError):
                return port, reserve(port)
    raise ConfigurationError("no free port was found on 127.0.0.1")


def choose(preferred: Iterable[int]) -> int:
    """The first free one of those preferred (0 is none), else any free port."""
    return next((port for port in preferred if port and is_free(port)), 0) or free_port()


def asked(*variables: str) -> int | None:
    """The port that one of these environment variables asks for; it must be free.

    Raises ConfigurationError when it is not a port, or taken.
    """
    for variable in variables:
        value = os.environ.get(variable, "")
        if not value:
            continue
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise ConfigurationError(f"{variable}={value} is not a port (1 to 65535)")
        if not is_free(int(value)):
            raise ConfigurationError(
                f"port {value} on 127.0.0.1, which {variable} asks for, is taken"
                f"{_owner(int(value))}. Stop that program, or set {variable} to another port"
                " (unset: a free one is taken)."
            )
        return int(value)
    return None


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                name = psutil.Process(connection.pid).name() if connection.pid else ""
                return f" by {name} (process {connection.pid})" if name else ""
    except (psutil.Error, OSError):
        pass
    return " by another program"
