"""Spend per day and campaign, until the ad platforms' own connectors come: a plain CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tributary.sandbox.catalog import CAMPAIGNS, CHANNELS, Campaign, Store
from tributary.sandbox.dice import Dice
from tributary.sandbox.people import spend_factor
from tributary.sandbox.world import World

HEADER = "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency"
_PROVISIONAL_DAYS = 3


@dataclass(frozen=True)
class SpendRow:
    """`spend` in minor units of the store's currency."""

    day: date
    campaign: Campaign
    spend: int
    impressions: int
    clicks: int


def rows(world: World, store: Store) -> Iterator[SpendRow]:
    """Every campaign and day before the as-of day; the last three days are still growing."""
    for n in range((world.as_of - world.first_day).days):
        day = world.first_day + timedelta(days=n)
        age = (world.as_of - day).days
        for campaign in CAMPAIGNS:
            if campaign.weekday is not None and campaign.weekday != day.weekday():
                continue
            yield _row(world.seed, store, campaign, day, age)


def _row(seed: int, store: Store, campaign: Campaign, day: date, age: int) -> SpendRow:
    dice = Dice(seed, store.id, "spend row", campaign.id, day)
    days = 7 if campaign.weekday is not None else 1
    planned = campaign.daily_spend * days * store.size
    spend = int(planned * spend_factor(seed, store, campaign.channel, day))
    clicks = int(spend / campaign.cost_per_click * (0.9 + 0.2 * dice.random()))
    impressions = int(clicks / campaign.click_rate * (0.9 + 0.2 * dice.random()))
    if age <= _PROVISIONAL_DAYS:
        share = 100 - 2 * (_PROVISIONAL_DAYS + 1 - age)
        spend, clicks, impressions = (v * share // 100 for v in (spend, clicks, impressions))
    return SpendRow(day, campaign, spend, impressions, clicks)


def text(world: World, store: Store) -> str:
    """The whole file."""
    lines = [HEADER]
    for row in rows(world, store):
        campaign = row.campaign
        name = f'"{campaign.name}"' if "," in campaign.name else campaign.name
        amount = f"{row.spend // 100}.{row.spend % 100:02d}"
        lines.append(
            f"{row.day},{CHANNELS[campaign.channel].seen_as},{campaign.id},{name},"
            f"{campaign.source},{campaign.medium},{amount},{row.impressions},{row.clicks},"
            f"{store.currency}"
        )
    return "\n".join(lines) + "\n"
