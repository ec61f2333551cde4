"""One line of an estimate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """So much of something in a month, at a price in US dollars for each."""

    component: str
    counted: str
    quantity: float
    price: float

    @property
    def monthly(self) -> float:
        """US dollars."""
        return self.quantity * self.price
