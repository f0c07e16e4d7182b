"""What is known of an order at a moment; later edits, refunds, cancellations are not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tributary.sandbox.goods import Line, Refund
from tributary.sandbox.orders import Order


@dataclass(frozen=True)
class OrderState:
    """An order as it stood at a moment; amounts in minor units of the store's currency."""

    order: Order
    lines: tuple[Line, ...]
    refunds: tuple[Refund, ...]
    removed: dict[int, int]  # line number -> units
    is_cancelled: bool
    is_fulfilled: bool
    is_edited: bool
    is_ready: bool
    updated_at: datetime

    @property
    def is_counted(self) -> bool:
        return not self.order.is_test and not self.is_cancelled

    def refunded_units(self, line: Line) -> int:
        return sum(
            r.quantity
            for refund in self.refunds
            for r in refund.lines
            if r.line.number == line.number
        )

    def kept_units(self, line: Line) -> int:
        """Units that were sold and not edited away; refunded units count as sold."""
        return line.quantity - self.removed.get(line.number, 0)

    def of_kept(self, line: Line, amount: int) -> int:
        """The part of a line's amount that belongs to its kept units (always a whole number)."""
        whole, rest = divmod(amount * self.kept_units(line), line.quantity)
        if rest:
            raise AssertionError(f"order {self.order.id}: an edited line must split by unit")
        return whole

    def refund_total(self, refund: Refund) -> int:
        """Money really given back."""
        total = sum(line.subtotal for line in refund.lines) + refund.shipping + refund.adjustment
        if not self.order.store.taxes_included:
            total += sum(line.tax for line in refund.lines) + refund.shipping_tax
        return total

    @property
    def total(self) -> int:
        """What the customer was asked to pay, before returns; edited-out units are still in it."""
        total = sum(line.gross - line.discount for line in self.lines)
        total += self.order.shipping - self.order.shipping_discount
        return total + (0 if self.order.store.taxes_included else self.tax)

    @property
    def tax(self) -> int:
        """All tax before returns, shipping's too; edited-out units are still in it."""
        return sum(line.tax for line in self.lines) + self.order.shipping_tax


def state_at(order: Order, moment: datetime) -> OrderState | None:
    """The order as known just before `moment`; None when it did not exist yet."""
    if order.created_at >= moment:
        return None
    lines = tuple(x for x in order.lines if x.added_at is None or x.added_at < moment)
    refunds = tuple(refund for refund in order.refunds if refund.at < moment)
    removals = [removal for removal in order.removals if removal.at < moment]
    cancelled = order.cancelled_at is not None and order.cancelled_at < moment
    moves = [order.created_at]
    moves += [line.added_at for line in lines if line.added_at is not None]
    moves += [refund.at for refund in refunds] + [removal.at for removal in removals]
    if cancelled and order.cancelled_at is not None:
        moves.append(order.cancelled_at)
    fulfilled = not cancelled and order.fulfilled_at < moment
    if fulfilled:
        moves.append(order.fulfilled_at)
    ready = order.ready_at < moment
    if ready and order.ready_moves_updated:
        moves.append(order.ready_at)
    return OrderState(
        order=order,
        lines=lines,
        refunds=refunds,
        removed={removal.line.number: removal.quantity for removal in removals},
        is_cancelled=cancelled,
        is_fulfilled=fulfilled,
        is_edited=bool(removals) or len(lines) > sum(1 for x in order.lines if not x.added_at),
        is_ready=ready,
        updated_at=max(moves),
    )
