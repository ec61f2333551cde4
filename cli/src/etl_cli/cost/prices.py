"""The price table: dated, by region, with its sources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


class PricesError(Exception):
    """There is no price for what was asked: the text says what to add."""


@dataclass(frozen=True)
class Prices:
    """The prices of one region in US dollars, by service and what is counted."""

    region: str
    as_of: str
    note: str
    sources: Mapping[str, str]
    table: Mapping[str, Mapping[str, float]]

    def of(self, service: str, unit: str) -> float:
        """A price. Raises PricesError where the table has none."""
        try:
            return self.table[service][unit]
        except KeyError:
            message = (
                f"no price {service}.{unit} for {self.region}: add it to prices.json, or to a copy given by --prices"
            )
            raise PricesError(message) from None


def read_prices(region: str, path: Path | None = None) -> Prices:
    """The table of a region, of the file or the one that comes with the program. Raises PricesError."""
    text = path.read_text() if path else files("etl_cli.cost").joinpath("prices.json").read_text()
    known = json.loads(text)
    table = known["regions"].get(region)
    if isinstance(table, str):  # the same list as another region
        table = known["regions"][table]
    if table is None:
        raise PricesError(
            f"no prices for {region}: there are {', '.join(known['regions'])}; give more by --prices FILE"
        )
    return Prices(region, known["as_of"], known["note"], known["sources"], table)
