"""Shopify's Admin GraphQL API for one shop of the sandbox: `Shop.answer` takes a request body.

Queries are validated and executed by graphql-core against the vendor's schema (shopify.graphql), so
a reply of the wrong shape cannot leave the sandbox.
"""

from __future__ import annotations

import bisect
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any, ClassVar

from graphql import (
    DocumentNode,
    ExecutionContext,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    get_named_type,
    parse,
    validate,
)
from graphql.pyutils import Path

from tributary.sandbox.catalog import Store
from tributary.sandbox.people import Visit
from tributary.sandbox.shopify_cost import SINGLE_QUERY_MAXIMUM, Bucket, Coster, actual_cost
from tributary.sandbox.shopify_documents import order_document
from tributary.sandbox.shopify_paging import connection, decode, encode, inner_page, page_size
from tributary.sandbox.shopify_parts import gid
from tributary.sandbox.shopify_search import BadSearch, compile_search
from tributary.sandbox.world import World

VERSION = "2026-10"
SCOPES = ("read_orders", "read_all_orders", "read_customers", "read_products")
Json = dict[str, Any]


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """The served part of the vendor's schema, with resolvers for abstract types."""
    built = build_schema((FilePath(__file__).parent / "shopify.graphql").read_text())
    for name in ("Node", "CustomerMoment", "LegacyInteroperability"):
        abstract: Any = built.type_map[name]
        abstract.resolve_type = lambda value, info, kind: value["__typename"]
    return built


@lru_cache(maxsize=200)
def _prepared(query: str) -> tuple[DocumentNode, tuple[GraphQLError, ...]]:
    document = parse(query)
    return document, tuple(validate(schema(), document))


class _Execution(ExecutionContext):
    """Remembers finished amounts: most of a reply is MoneyBags, and most of those are alike."""

    _finished: ClassVar[dict[tuple[Any, ...], tuple[list[FieldNode], Any]]] = {}

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_nodes: list[FieldNode],
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
    ) -> Any:
        if return_type.name != "MoneyBag":
            return super().complete_object_value(return_type, field_nodes, info, path, result)
        amounts = (tuple(result["shopMoney"].values()), tuple(result["presentmentMoney"].values()))
        key = (*map(id, field_nodes), *amounts)
        known = self._finished.get(key)
        if known is None:
            value = super().complete_object_value(return_type, field_nodes, info, path, result)
            if len(self._finished) > 50_000:
                self._finished.clear()
            known = self._finished[key] = (field_nodes, value)  # keeps the nodes' ids taken
        return known[1]


class Shop:
    """One store's orders at one moment of the world."""

    def __init__(self, store: Store, world: World, bucket: Bucket) -> None:
        self.store, self._bucket = store, bucket
        self._states = world.orders(store)
        self._position = {state.order.id: i for i, state in enumerate(self._states)}
        self._visits: dict[int, list[Visit]] = {}
        for visit in world.visits(store):
            if not visit.is_payment_return:
                self._visits.setdefault(visit.person.number, []).append(visit)
        self._documents: dict[int, Json] = {}
        self._costs: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}
        self._sorted: dict[str, list[tuple[Any, int]]] = {}

    def answer(self, body: Json) -> Json:
        """The JSON of status 200 for a query: data, errors, or both, and extensions.cost."""
        query, variables = body.get("query"), body.get("variables") or {}
        if not isinstance(query, str) or not isinstance(variables, dict):
            return {"errors": [{"message": "query must be a string, variables an object"}]}
        try:
            document, problems = _prepared(query)
        except GraphQLError as error:
            return {"errors": [error.formatted]}
        if problems:
            return {"errors": [problem.formatted for problem in problems]}
        requested = self._requested(query, document, variables)
        if requested > SINGLE_QUERY_MAXIMUM:
            return _too_dear(requested)
        if not self._bucket.take(requested):
            throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [throttled], "extensions": self._cost(requested, None)}
        result = execute_sync(
            schema(),
            document,
            self,
            variable_values=variables,
            field_resolver=_resolve,
            execution_context_class=_Execution,
        )
        actual = min(requested, actual_cost(result.data))
        self._bucket.give_back(requested - actual)
        reply: Json = {"data": result.data}
        if result.errors:
            reply["errors"] = [error.formatted for error in result.errors]
        reply["extensions"] = self._cost(requested, actual)
        return reply

    def _requested(self, query: str, document: DocumentNode, variables: Json) -> int:
        """Requested cost; only whole numbers among the variables can change it."""
        sizes = tuple(sorted((k, v) for k, v in variables.items() if type(v) is int))
        if (query, sizes) not in self._costs:
            self._costs[query, sizes] = Coster.of(schema(), document, variables)
        return self._costs[query, sizes]

    def _cost(self, requested: int, actual: int | None) -> Json:
        return {
            "cost": {
                "requestedQueryCost": requested,
                "actualQueryCost": actual,
                "throttleStatus": self._bucket.status(),
            }
        }

    def root(self, name: str, args: Json) -> Any:
        """The value of one field of QueryRoot."""
        if name == "shop":
            return self._shop()
        if name == "currentAppInstallation":
            scopes = [{"handle": s, "description": s.replace("_", " ")} for s in SCOPES]
            return {"id": gid("AppInstallation", self.store.number), "accessScopes": scopes}
        if name == "orders":
            return self._orders(args)
        if name == "ordersCount":
            found = sum(map(_search(args), self._states))
            return {"count": min(found, args["limit"]), "precision": "EXACT"}
        if name == "nodes":
            return [self._node(node_id) for node_id in args["ids"]]
        found_node = self._node(args["id"])
        if name == "order" and found_node and found_node["__typename"] != "Order":
            return None
        return found_node

    def _shop(self) -> Json:
        store = self.store
        return {
            "id": gid("Shop", store.number),
            "name": store.name,
            "currencyCode": store.currency,
            "ianaTimezone": store.timezone,
            "myshopifyDomain": f"{store.id}.myshopify.com",
            "taxesIncluded": store.taxes_included,
            "url": f"https://{store.host}",
            "email": f"shop@{store.id}.example",
            "contactEmail": f"shop@{store.id}.example",
        }

    def _node(self, node_id: str) -> Json | None:
        kind, _, number = node_id.removeprefix("gid://shopify/").partition("/")
        if not number.isdigit():
            raise GraphQLError(f"Invalid global id '{node_id}'")
        if kind == "Order":
            return self._document(int(number))
        if kind == "Refund":
            order = self._document(int(number) // 1_000) or {"refunds": []}
            return next((r for r in order["refunds"] if r["id"] == node_id), None)
        return None

    def _document(self, order_id: int) -> Json | None:
        position = self._position.get(order_id)
        if position is None:
            return None
        if order_id not in self._documents:
            state = self._states[position]
            visits = self._visits.get(state.order.purchase.visit.person.number, [])
            self._documents[order_id] = order_document(state, position + 1, visits)
        return self._documents[order_id]

    def _orders(self, args: Json) -> Json:
        """One page. The cursor holds the sort value and id of the last order, so it stays true
        when orders are added."""
        size = page_size(args)
        wanted, keys = _search(args), self._keys(args["sortKey"])
        reverse = args["reverse"] != (args.get("last") is not None)
        entries = keys[::-1] if reverse else keys
        if args.get("after"):
            cursor = tuple(decode(args["after"]))
            if reverse:
                cut = len(keys) - bisect.bisect_left(keys, cursor)
            else:
                cut = bisect.bisect_right(keys, cursor)
            entries = entries[cut:]
        found: list[tuple[Any, int]] = []
        for entry in entries:
            if wanted(self._states[self._position[entry[1]]]):
                found.append(entry)
                if len(found) > size:
                    break
        page = found[:size]
        nodes = [self._document(order_id) for _, order_id in page]
        return connection(
            nodes,
            [encode(list(entry)) for entry in page],
            len(found) > size,
            bool(args.get("after")),
        )

    def _keys(self, sort_key: str) -> list[tuple[Any, int]]:
        if sort_key not in self._sorted:
            of = _SORT_KEYS.get(sort_key)
            if of is None:
                raise GraphQLError(f"the sandbox does not sort orders by {sort_key}")
            self._sorted[sort_key] = sorted((of(s), s.order.id) for s in self._states)
        return self._sorted[sort_key]


_SORT_KEYS: dict[str, Any] = {
    "UPDATED_AT": lambda s: s.updated_at.isoformat(),
    "PROCESSED_AT": lambda s: s.order.processed_at.isoformat(),
    "CREATED_AT": lambda s: s.order.created_at.isoformat(),
    "ID": lambda s: s.order.id,
}


def _search(args: Json) -> Any:
    try:
        return compile_search(args.get("query") or "")
    except BadSearch as error:
        raise GraphQLError(str(error)) from error


def _resolve(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
    """Every field: a key of the parent's dict; lists become pages where the schema says so."""
    if isinstance(source, Shop):
        return source.root(info.field_name, args)
    if info.field_name not in source:
        raise GraphQLError(f"the sandbox does not serve {info.parent_type.name}.{info.field_name}")
    value = source[info.field_name]
    if not isinstance(value, list):
        return value
    if get_named_type(info.return_type).name.endswith("Connection"):
        return inner_page(value, args)
    return value[: args["first"]] if args.get("first") is not None else value


def _too_dear(requested: int) -> Json:
    message = (
        f"Query cost is {requested}, which exceeds the single query max cost limit"
        f" ({SINGLE_QUERY_MAXIMUM})."
    )
    code = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": SINGLE_QUERY_MAXIMUM}
    return {"errors": [{"message": message, "extensions": code}]}
