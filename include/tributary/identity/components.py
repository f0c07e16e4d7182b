"""Who is one person: connected components of identifier pairs, deterministic in any order."""

from __future__ import annotations

from collections.abc import Iterable

_RANK = {"user": 0, "customer": 1, "client": 2, "order": 3}


def components(edges: Iterable[tuple[str, str]], alone: Iterable[str] = ()) -> dict[str, str]:
    """Identifier -> person id, for every identifier of an edge and those that may stand `alone`.

    Identifiers are `type:value`; a person is named by the best of its identifiers: user before
    customer before client before order, then by text.
    """
    parent: dict[str, str] = {identifier: identifier for identifier in alone}

    def root(identifier: str) -> str:
        path = []
        while (above := parent.setdefault(identifier, identifier)) != identifier:
            path.append(identifier)
            identifier = above
        for below in path:
            parent[below] = identifier
        return identifier

    for one, other in edges:
        best, second = sorted((root(one), root(other)), key=_preference)
        parent[second] = best
    return {identifier: root(identifier) for identifier in list(parent)}


def _preference(identifier: str) -> tuple[int, str]:
    return (_RANK.get(identifier.split(":", 1)[0], len(_RANK)), identifier)
