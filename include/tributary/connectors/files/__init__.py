"""Connector `files`: a drop folder of CSV, CSV.gz and Parquet files, described by a mapping.

Account options: `folder`, and if wanted `mapping` and `files` (see recognise.plan). The window of a
run chooses no rows: files are versioned by their content. See mapping.py for the YAML.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tributary.connectors.files.extract import extract
from tributary.connectors.files.kinds import KINDS
from tributary.connectors.files.recognise import Recognised, kinds_present, recognise
from tributary.connectors.files.replay import at_hand, replay
from tributary.connectors.spec import ConnectionForm, Connector, Credentials, Stream

__all__ = ["CONNECTOR", "Recognised", "recognise"]


def _test(credentials: Credentials) -> str:
    """Look into the folder the connection names; a folder needs no login."""
    folder = str(credentials.extra.get("folder", "") or "")
    if not folder:
        return "Nothing to test: the folder of a files account is set in the stores file."
    found = recognise(Path(folder))
    return f"{len(found.files)} files known as: {found.title}."


CONNECTOR = Connector(
    name="files",
    title="Files (drop folder)",
    feed="files",
    streams=tuple(
        Stream(
            name=kind.name,
            kind="table",
            extract=partial(extract, kind.name),
            restate_days=0,
            finality_days=3 if kind.name == "ga4_event" else 1,
            backfill="full",
            columns=kind.columns,
            spill_days=1 if kind.name == "ga4_event" else 0,
            replay=partial(replay, kind.name),
            at_hand=at_hand,
            people=kind.people,
        )
        for kind in KINDS.values()
    ),
    form=ConnectionForm(
        hidden=("host", "schema", "login", "password", "port"),
        extra_fields={
            "folder": {
                "type": "string",
                "title": "Folder",
                "description": "Only for the Test button",
            }
        },
    ),
    test=_test,
    present=lambda account: kinds_present(dict(account.options)),
)
