"""One line of quarantine, decoded with today's mapping where its file is gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from tributary.connectors.files.extract import compile_rows, context_of, key_space
from tributary.connectors.files.mapping import FileSpec, shipped
from tributary.connectors.files.recognise import Planned, own_mapping, plan
from tributary.connectors.shared.values import BadValue
from tributary.connectors.spec import Kept, Row
from tributary.errors import ConfigurationError
from tributary.settings import Account
from tributary.transport.redaction import EMAIL, HIDDEN

_PUT_BACK = "put the file back into the drop folder and replay again"


def at_hand(account: Account) -> set[str]:
    """The files of the account's folder: a replay reads them again, keys and counts included."""
    try:
        return {file.name for file in plan(dict(account.options))}
    except ConfigurationError:
        return set()


def replay(kind: str, account: Account, kept: Kept) -> Row:
    """The row of a kept line. Raises ValueError with the reason why it is still none."""
    name, _, line = kept.where.rpartition(" line ")
    if kind == "ga4_event":
        raise ValueError(f"of an event only its time, name and browser are kept: {_PUT_BACK}")
    values = _columns(kept.payload)
    if values is None:
        raise ValueError(f"not the whole line is kept: {_PUT_BACK}")
    if HIDDEN in kept.payload or EMAIL in kept.payload:
        raise ValueError(f"personal data was left out of what is kept: {_PUT_BACK}")
    folder = Path(account.options.get("folder", "")).expanduser()
    file = _planned(folder, dict(account.options), name, kind, set(values))
    if file is None:
        raise ValueError(f"no mapping takes {name} with the columns kept: {_PUT_BACK}")
    rows = next(rows for rows in file.spec.rows if rows.kind == kind)
    compiled = compile_rows(context_of(folder, file, account, tuple(values)), rows)
    fields = list(values.values())
    if not compiled.belongs(fields):
        raise ValueError(f"by the mapping of today the line is no {kind}: {_PUT_BACK}")
    try:
        row = compiled.row(fields)
    except BadValue as error:
        raise ValueError(str(error)) from None
    key = compiled.key(fields) if compiled.key else _content_key(line, kept.payload)
    return Row(name, (key_space(file, kind) + key, *row))


def _columns(payload: str) -> dict[str, str] | None:
    """The columns of a kept line; None for a broken or shortened one."""
    try:
        return msgspec.json.decode(payload, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _planned(
    folder: Path, options: dict[str, str], name: str, kind: str, columns: set[str]
) -> Planned | None:
    """What the mapping of today makes of a file that is not there."""

    def fits(spec: FileSpec) -> bool:
        return any(rows.kind == kind and rows.used_columns() <= columns for rows in spec.rows)

    own = own_mapping(folder, options.get("mapping", ""))
    if own is not None:
        entries = [(spec, own) for spec in own.files if spec.takes(name)]
    else:
        entries = [(s, m) for m in shipped().values() for s in m.files if s.headers]
    fitting = [(spec, mapping) for spec, mapping in entries if fits(spec)]
    if not fitting:
        return None
    spec, mapping = fitting[0] if own else max(fitting, key=lambda e: len(e[0].headers))
    return Planned(folder / name, name, spec, mapping)


def _content_key(line: str, payload: str) -> str:
    """Lines of a file without a key: the line's place is part of it, so that equal lines stay."""
    return f"kept-{line}-{hashlib.blake2b(payload.encode(), digest_size=12).hexdigest()}"
