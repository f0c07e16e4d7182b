"""Shapley values: of the attribution game in closed form, of any other game exactly or sampled.

The attribution game is v(S) = conversions of the journeys whose channels all lie in S. Its Shapley
value splits each conversion equally over the distinct channels of its journey (Zhao et al. 2018),
so it is exact for any number of channels. The enumeration is for games of your own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution import coalitions as sets_of
from tributary.attribution import sums
from tributary.attribution.coalitions import Coalitions
from tributary.attribution.paths import Paths

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
MAX_PLAYERS = 26


def shapley_values(sets: Coalitions) -> tuple[Float, Float | None]:
    """Conversions and value per channel in the attribution game."""
    equal = np.ones(len(sets.names))
    value = None if sets.value is None else sets_of.split(sets, equal, sets.value)
    return sets_of.split(sets, equal, sets.conversions), value


def shapley_by_position(paths: Paths) -> Float:
    """The ordered variant: conversions per channel (row) and place of its first touch (column).

    The place counts distinct channels in the order in which the path first has them. A row sums to
    the channel's unordered value.
    """
    paths = paths.converting()
    width = len(paths.names)
    if not len(paths):
        return np.zeros((width, 0))
    key = paths.path_of * width + paths.channel
    _, first = np.unique(key, return_index=True)
    first.sort()
    row = paths.path_of[first]
    members = np.bincount(row, minlength=len(paths))
    place = np.arange(len(first)) - np.repeat(np.cumsum(members) - members, members)
    columns = int(members.max())
    cell = paths.channel[first].astype(np.int64) * columns + place
    credit = (paths.conversions / members)[row]
    return sums.grouped(cell, credit, width * columns).reshape(width, columns)


def subset_sums(amounts: Float) -> Float:
    """v(S) = sum of `amounts` over all subsets of S, both indexed by bit mask (zeta transform)."""
    players = _players(amounts)
    table = np.array(amounts, dtype=np.float64)
    for player in range(players):
        pairs = table.reshape(-1, 2, 1 << player)
        pairs[:, 1] += pairs[:, 0]
    return table


def coalition_game(sets: Coalitions) -> Float:
    """The attribution game as a table of 2^channels worths, for those who want to enumerate it."""
    if len(sets.names) > MAX_PLAYERS:
        raise ValueError(f"{len(sets.names)} channels: a table holds up to {MAX_PLAYERS}")
    return subset_sums(sums.grouped(sets.masks(), sets.conversions, 1 << len(sets.names)))


def shapley_exact(game: Float) -> Float:
    """Shapley values of any game given as a table v[mask] of 2^players worths."""
    players = _players(game)
    if not players:
        return np.zeros(0)
    sizes = np.bitwise_count(np.arange(1 << (players - 1)))
    weight = _coalition_weights(players)[sizes]
    values = np.empty(players)
    for player in range(players):
        pairs = game.reshape(-1, 2, 1 << player)
        gain = (pairs[:, 1] - pairs[:, 0]).reshape(-1)
        values[player] = weight @ gain
    return values


@dataclass(frozen=True)
class Sampled:
    """Shapley values from random orders, each with its standard error."""

    values: Float
    standard_error: Float
    orders: int


def shapley_sampled(
    game: Callable[[npt.NDArray[np.bool_]], Float], players: int, orders: int, seed: int
) -> Sampled:
    """Values of a game too large for a table, from `orders` random orders of the players.

    `game` gets coalitions as rows of booleans and returns their worths. Every order is played
    forwards and backwards, which lowers the error; the pair is one observation of it.
    """
    if orders < 2:
        raise ValueError("at least 2 orders are needed to state an error")
    random = np.random.default_rng(seed)
    mean, square = np.zeros(players), np.zeros(players)
    for turn in range(1, orders + 1):
        order = random.permutation(players)
        gain = (_gains(game, order) + _gains(game, order[::-1])) / 2
        change = gain - mean
        mean = mean + change / turn
        square = square + change * (gain - mean)
    return Sampled(mean, np.sqrt(square / (orders - 1) / orders), orders)


def _gains(game: Callable[[npt.NDArray[np.bool_]], Float], order: Int) -> Float:
    players = len(order)
    coalitions = np.zeros((players + 1, players), dtype=np.bool_)
    coalitions[:, order] = np.tri(players + 1, players, -1, dtype=np.bool_)
    gain = np.empty(players)
    gain[order] = np.diff(game(coalitions))
    return gain


def _coalition_weights(players: int) -> Float:
    """|S|! (n - |S| - 1)! / n! by size of S."""
    weights = np.empty(players)
    weights[0] = 1.0 / players
    for size in range(1, players):
        weights[size] = weights[size - 1] * size / (players - size)
    return weights


def _players(table: Float) -> int:
    players = len(table).bit_length() - 1
    if len(table) != 1 << players or players > MAX_PLAYERS:
        raise ValueError(f"a game's table has 2^n entries, n up to {MAX_PLAYERS}; got {len(table)}")
    return players
