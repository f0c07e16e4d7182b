"""An installation's folder: private, locked, remembered."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tributary.clock import FixedClock
from tributary.errors import ConfigurationError
from tributary.local import state
from tributary.local.airflow import environment, write_passwords
from tributary.local.state import Busy, Installation, Record, Started
from tributary.local.vendors import world_day


@pytest.fixture
def made(tmp_path: Path) -> Installation:
    found = Installation("sandbox", tmp_path / "state" / "sandbox")
    found.create()
    return found


def test_secrets_are_random_kept_and_private(made: Installation, tmp_path: Path) -> None:
    first = made.secrets
    again = Installation(made.name, made.folder).secrets
    other = Installation("other", tmp_path / "other")
    other.create()
    assert first == again
    assert len(set(vars_of(first)) | set(vars_of(other.secrets))) == 14
    assert min(map(len, vars_of(first))) >= 16
    write_passwords(made)
    made.save(Record(supervisor=Started("up", 1, 2.0)))
    for name in ("secrets.json", "run.json", "airflow/passwords.json"):
        assert (made.folder / name).stat().st_mode & 0o777 == 0o600, name
    for name in ("airflow", "logs", "sandbox"):
        assert (made.folder / name).stat().st_mode & 0o777 == 0o700, name
    assert made.folder.stat().st_mode & 0o777 == 0o711


def vars_of(secrets: state.Secrets) -> list[str]:
    return [getattr(secrets, name) for name in secrets.__struct_fields__]


def test_the_record_survives_and_a_damaged_one_is_forgotten(made: Installation) -> None:
    made.save(Record(airflow_port=8081, world=(7, date(2026, 8, 1))))
    assert made.record() == Record(airflow_port=8081, world=(7, date(2026, 8, 1)))
    (made.folder / "run.json").write_text("{")
    assert made.record() == Record()


def test_a_second_holder_is_told_who_is_first(made: Installation) -> None:
    with (
        made.locked("up"),
        pytest.raises(Busy, match=r"in use by `tributary up` \(process \d+\)"),
        made.locked("sql"),
    ):
        pytest.fail("two holders")
    with made.locked("sql"):
        assert made.holder()[0] == "sql"


def test_the_lock_ends_with_a_killed_holder(made: Installation) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tributary.local.state import Installation\n"
        "with Installation('sandbox', Path(sys.argv[1])).locked('up'): os._exit(9)"
    )
    include = str(Path(state.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.folder)],
        env={"PYTHONPATH": include},
        check=False,
    )
    assert done.returncode == 9
    assert made.holder()[0] == "up"
    with made.locked("down"):
        assert made.holder()[0] == "down"


def test_data_folders_of_one_name_are_two_installations(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "My Shop").mkdir(parents=True)
    first, second = (state.installation(tmp_path / p / "My Shop") for p in ("a", "b"))
    assert first.name != second.name
    assert first.name.startswith("my_shop-")
    assert state.installation(tmp_path / "a" / "My Shop") == first
    with pytest.raises(ConfigurationError, match="does not exist"):
        state.installation(tmp_path / "absent")


def test_the_users_airflow_settings_win(
    made: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "3")
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere/else")
    found = environment(made, 8080, "postgresql://u:p@h/airflow", made.stores_file)
    assert found["AIRFLOW__CORE__PARALLELISM"] == "3"
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2://u:p@h/airflow"
    assert found["AIRFLOW_HOME"] == str(made.airflow_home)


@pytest.mark.parametrize(
    ("value", "said"),
    [("soon", "X=soon is not a date"), ("2026-08-10", "X=2026-08-10 is still to come")],
)
def test_a_world_of_another_day_has_been(value: str, said: str) -> None:
    clock = FixedClock(datetime(2026, 8, 9, 23, 59, tzinfo=UTC))
    assert world_day("X=", "2026-08-09", clock) == world_day("X=", "", clock) == date(2026, 8, 9)
    with pytest.raises(ConfigurationError, match=said):
        world_day("X=", value, clock)
