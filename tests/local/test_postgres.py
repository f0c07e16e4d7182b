"""The embedded PostgreSQL: as root and as a normal user, and where starting it is not simple."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tributary.errors import ConfigurationError
from tributary.local import postgres
from tributary.local.postgres import Cluster, free_port
from tributary.warehouse.connection import connect

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become someone else")


@pytest.fixture
def small(open_folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(open_folder / "pg", free_port(), durable=False)
    yield cluster
    cluster.stop()
    cluster.remove()


def _answer(cluster: Cluster) -> object:
    with connect(cluster.url("postgres")) as conn:
        row = conn.execute("select current_setting('listen_addresses')").fetchone()
        assert row is not None
        return row[0]


def test_starts_stops_and_starts_again_on_the_kept_data(small: Cluster) -> None:
    small.start()
    with connect(small.url("postgres")) as conn:
        conn.execute("create table kept as select 7 as number")
    small.stop()
    assert not small.is_running()
    small.start()
    small.start()
    with connect(small.url("postgres")) as conn:
        assert conn.execute("select number from kept").fetchall() == [(7,)]
    assert small.running_port() == small.port


def test_listens_on_loopback_only_and_wants_the_password(small: Cluster) -> None:
    small.start()
    assert _answer(small) == "127.0.0.1"
    with pytest.raises(ConfigurationError, match="refused the connection"):
        connect(f"postgresql://postgres:wrong@127.0.0.1:{small.port}/postgres")
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == small.port
    }
    assert listening == {"127.0.0.1"}


def test_the_password_is_random_and_only_its_owner_reads_it(small: Cluster) -> None:
    small.start()
    assert small.password_file.stat().st_mode & 0o777 == 0o600
    assert len(small.password_file.read_text()) >= 32
    assert not list(small.folder.rglob(".initdb-password"))


def test_a_taken_port_is_a_sentence(small: Cluster) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", small.port))
        other.listen()
        with pytest.raises(ConfigurationError, match=f"port {small.port} .* is taken"):
            small.start()


def test_starts_over_the_pid_file_of_a_killed_server(small: Cluster) -> None:
    small.start()
    pid = int((small.data / "postmaster.pid").read_text().splitlines()[0])
    server = psutil.Process(pid)
    family = [server, *server.children(recursive=True)]
    server.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=20)
    assert (small.data / "postmaster.pid").exists()
    assert not small.is_running()
    small.start()
    assert _answer(small) == "127.0.0.1"


def test_another_program_with_the_pid_of_the_pid_file_is_not_taken_for_the_server(
    small: Cluster,
) -> None:
    small.start()
    small.stop()
    (small.data / "postmaster.pid").write_text(f"{os.getpid()}\n{small.data}\n0\n{small.port}\n")
    assert not small.is_running()
    small.start()
    assert _answer(small) == "127.0.0.1"


@as_root
def test_a_normal_user_starts_it_directly(open_folder: Path) -> None:
    entry = pwd.getpwnam("nobody")
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, entry.pw_uid, entry.pw_gid)
    cluster = Cluster(home / "pg", free_port(), durable=False)
    child = os.fork()  # a normal user may not be able to start this interpreter, only to be in it
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            cluster.start()
            right = _answer(cluster) == "127.0.0.1"
            cluster.stop()
            os._exit(0 if right else 1)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (home / "pg" / "data" / "PG_VERSION").stat().st_uid == entry.pw_uid
    assert not cluster.is_running()


@as_root
def test_root_below_a_closed_folder_uses_a_namespace_or_a_place_of_its_own(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = Cluster(closed / "pg", free_port(), durable=False)
    cluster.start()
    try:
        assert _answer(cluster) == "127.0.0.1"
    finally:
        cluster.stop()
        cluster.remove()


@as_root
def test_root_without_namespaces_keeps_the_data_where_the_servers_user_may_go(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_works", lambda command: False)
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = Cluster(closed / "pg", free_port(), durable=False)
    cluster.start()
    try:
        assert not cluster.data.is_relative_to(closed)
        assert _answer(cluster) == "127.0.0.1"
        cluster.stop()
        cluster.start()
        assert _answer(cluster) == "127.0.0.1"
    finally:
        place = cluster.data.parent
        cluster.stop()
        cluster.remove()
    assert not place.exists()


@as_root
def test_root_with_no_user_and_no_namespace_is_told_what_to_do(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(postgres.pwd, "getpwnam", nobody)
    monkeypatch.setattr(postgres, "_works", lambda command: False)
    cluster = Cluster(open_folder / "pg", free_port())
    with pytest.raises(ConfigurationError, match=r"useradd --system postgres"):
        cluster.start()
