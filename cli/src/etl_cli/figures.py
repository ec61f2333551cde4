"""The pipeline's figures of this moment, read from the services' own /metrics."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Figures:
    """What each service has read and delivered since its start, its worst lag, and whether it answered."""

    events_in: Mapping[str, float]
    events_out: Mapping[str, float]
    lag_seconds: Mapping[str, float]
    silent: tuple[str, ...]


def read_metrics(text: str) -> dict[str, float]:
    """Sums of `etl_events_in_total` and `etl_events_out_total` and the largest `etl_lag_seconds` of one service."""
    figures = {"in": 0.0, "out": 0.0, "lag": 0.0}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "etl_events_in_total":
                figures["in"] += sample.value
            elif sample.name == "etl_events_out_total":
                figures["out"] += sample.value
            elif sample.name == "etl_lag_seconds":
                figures["lag"] = max(figures["lag"], sample.value)
    return figures


async def read(session: aiohttp.ClientSession, addresses: Mapping[str, str]) -> Figures:
    """Ask every service at once; `addresses` is its probe address by service. One that does not answer is `silent`."""

    async def one(address: str) -> dict[str, float] | None:
        try:
            async with session.get(f"{address}/metrics", timeout=aiohttp.ClientTimeout(total=3)) as answer:
                return read_metrics(await answer.text())
        except (aiohttp.ClientError, TimeoutError):
            return None

    answers = dict(zip(addresses, await asyncio.gather(*map(one, addresses.values())), strict=True))
    known = {service: figures for service, figures in answers.items() if figures is not None}
    return Figures(
        {service: figures["in"] for service, figures in known.items()},
        {service: figures["out"] for service, figures in known.items()},
        {service: figures["lag"] for service, figures in known.items()},
        tuple(service for service, figures in answers.items() if figures is None),
    )
