"""The sinks of alerts that the settings name, each at work by itself beside the windows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aggregator.deliver import DeadLetterStore
from aggregator.notices import sns_message, webhook_headers
from aggregator.notifier import LogSink, Notifier
from aggregator.settings import Settings, webhooks_of
from delivery import Item, RetryPolicy, Sink, SnsSink, WebhookSink
from delivery.webhook import check_url
from service_runtime import Runtime
from service_runtime.metrics import StageMetrics
from shardline import ConsumerGroup, DynamoDBLeaseTable, GroupSettings


async def notify(
    settings: Settings,
    runtime: Runtime,
    metrics: StageMetrics,
    dead_letters: DeadLetterStore,
    clients: Mapping[str, Any],
) -> None:
    """Deliver alerts to every sink until `runtime.stop`; at once done where the settings name none.

    `clients` are aiobotocore's, "sns" only where there is a topic.
    """
    async with AsyncExitStack() as stack:
        sinks: dict[str, Sink[Item]] = dict(_sinks(settings, metrics, clients))
        for sink in sinks.values():
            if isinstance(sink, WebhookSink):
                await stack.enter_async_context(sink)
        async with asyncio.TaskGroup() as tasks:
            for name, sink in sinks.items():
                notifier = Notifier(name, sink, dead_letters, metrics)
                group = _group(settings, name, clients)
                runtime.log.info("alerts", sink=name, stream=settings.alerts_stream)
                tasks.create_task(group.run(notifier, runtime.stop))


def _sinks(settings: Settings, metrics: StageMetrics, clients: Mapping[str, Any]) -> Iterator[tuple[str, Sink[Item]]]:
    """Each by its name."""
    retry = RetryPolicy(base_seconds=0.2, cap_seconds=10.0, deadline_seconds=settings.alert_retry_seconds)
    if settings.alert_console:
        yield "console", LogSink()
    if settings.alert_sns_topic:
        observer = metrics.observer("sns")
        yield "sns", SnsSink(clients["sns"], settings.alert_sns_topic, sns_message, retry, observer=observer)
    urls = webhooks_of(settings.alert_webhooks)
    for name, url in zip(webhook_names(urls), urls, strict=True):
        yield (
            name,
            WebhookSink(
                url,
                settings.alert_webhook_secret.get_secret_value().encode(),
                retry,
                webhook_headers,
                time.time,
                timeout_seconds=settings.alert_webhook_seconds,
                parallel=settings.alert_webhook_parallel,
                observer=metrics.observer(name),
            ),
        )


def webhook_names(urls: Sequence[str]) -> list[str]:
    """A name for each address, by its host and port alone, as the rest may be secret; no two are the same.

    A sink's name must stay when its token changes, or it would read the stream anew.
    """
    names: list[str] = []
    hosts: Counter[str] = Counter()
    for url in urls:
        host = check_url(url).replace(":", "-")
        hosts[host] += 1
        names.append(f"webhook-{host}" if hosts[host] == 1 else f"webhook-{host}~{hosts[host]}")
    return names


def lease_prefix(name: str) -> str:
    """What a sink's leases begin with: of two sinks neither's prefix begins with the other's, or they would share."""
    return f"{name}/"


def _group(settings: Settings, name: str, clients: Mapping[str, Any]) -> ConsumerGroup:
    """Polls: an alert comes within a second, and no fan-out is charged for."""
    return ConsumerGroup(
        stream=settings.alerts_stream,
        application=f"{settings.application}-{name}",
        kinesis=clients["kinesis"],
        lease_table=DynamoDBLeaseTable(
            dynamodb=clients["dynamodb"],
            table=settings.alert_lease_table,
            create_missing=settings.create_tables,
            key_prefix=lease_prefix(name),
        ),
        settings=GroupSettings(
            initial_position=settings.alert_initial_position,
            reading="polling",
            drain_seconds=0.8 * settings.drain_seconds,
        ),
    )
