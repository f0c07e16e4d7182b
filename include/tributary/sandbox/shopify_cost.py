"""What a query costs, and the leaky bucket it is paid from, as Shopify counts (vendor page, 3).

An object costs 1, a scalar 0, an abstract type its dearest selection, a connection or list `first`
times its content. The requested cost must fit before the query runs; the unused part is given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from tributary.clock import Clock

SINGLE_QUERY_MAXIMUM = 1_000
# The vendor restores 100 to 2000 a second; the sandbox more, so that a first run waits little.
MAXIMUM_AVAILABLE, RESTORE_RATE = 20_000.0, 20_000.0
# Every so many requests another program of the same app is imagined to have emptied the bucket.
_DRAINED_AT, _DRAINED_EVERY = (2, 40), 300


@dataclass(frozen=True)
class Coster:
    """Requested cost of one parsed query."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    @classmethod
    def of(cls, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> int:
        fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        assert schema.query_type is not None
        coster = cls(schema, fragments, variables)
        return coster.selection(operation.selection_set, schema.query_type.name)

    def selection(self, selections: SelectionSetNode, type_name: str) -> int:
        common, by_type = 0, dict[str, int]()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                common += self.field(node, type_name)
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                on, inner = fragment.type_condition.name.value, fragment.selection_set
            else:
                assert isinstance(node, InlineFragmentNode)
                on = node.type_condition.name.value if node.type_condition else type_name
                inner = node.selection_set
            cost = self.selection(inner, on)
            if on == type_name:
                common += cost
            else:
                by_type[on] = by_type.get(on, 0) + cost
        return common + max(by_type.values(), default=0)

    def field(self, node: FieldNode, type_name: str) -> int:
        owner: Any = self.schema.type_map[type_name]
        definition = owner.fields.get(node.name.value)
        if definition is None or node.selection_set is None:
            return 0
        kind = get_named_type(definition.type)
        if is_leaf_type(kind):
            return 0
        if kind.name.endswith("Connection"):
            size = self._size(node) or 0
            return max(
                (
                    size * self._content(inner, kind.name)
                    for inner in node.selection_set.selections
                    if isinstance(inner, FieldNode) and inner.name.value in ("nodes", "edges")
                ),
                default=1,
            )
        size = 1
        if is_list_type(get_nullable_type(definition.type)):
            size = self._size(node) or 1
        return size * (1 + self.selection(node.selection_set, kind.name))

    def _content(self, node: FieldNode, connection: str) -> int:
        """Cost of one node of a connection, however it is reached."""
        owner: Any = self.schema.type_map[connection]
        kind = get_named_type(owner.fields[node.name.value].type)
        assert node.selection_set is not None
        if node.name.value == "edges":
            return self.selection(node.selection_set, kind.name)
        return 1 + self.selection(node.selection_set, kind.name)

    def _size(self, node: FieldNode) -> int | None:
        for argument in node.arguments:
            if argument.name.value in ("first", "last"):
                value = argument.value
                if isinstance(value, IntValueNode):
                    return int(value.value)
                if isinstance(value, VariableNode):
                    given = self.variables.get(value.name.value)
                    return int(given) if given is not None else None
        return None


def actual_cost(data: Any, key: str = "") -> int:
    """Objects really returned; connections and page information are free."""
    if isinstance(data, list):
        return sum(actual_cost(item, key) for item in data)
    if not isinstance(data, dict) or key == "pageInfo":
        return 0
    own = 0 if "nodes" in data or "edges" in data or not key else 1
    return own + sum(actual_cost(value, name) for name, value in data.items())


class Bucket:
    """The points one app may spend at one shop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._available, self._at = MAXIMUM_AVAILABLE, clock.monotonic()
        self._requests = 0

    def take(self, requested: int) -> bool:
        """Reserve the requested cost; False means throttled."""
        self._requests += 1
        self._restore()
        if self._requests in _DRAINED_AT or self._requests % _DRAINED_EVERY == 0:
            self._available = 0.0
        if self._available < requested:
            return False
        self._available -= requested
        return True

    def give_back(self, points: int) -> None:
        self._available = min(MAXIMUM_AVAILABLE, self._available + points)

    def status(self) -> dict[str, float]:
        return {
            "maximumAvailable": MAXIMUM_AVAILABLE,
            "currentlyAvailable": int(self._available),
            "restoreRate": RESTORE_RATE,
        }

    def _restore(self) -> None:
        now = self._clock.monotonic()
        self._available = min(MAXIMUM_AVAILABLE, self._available + (now - self._at) * RESTORE_RATE)
        self._at = now
