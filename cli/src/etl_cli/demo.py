"""`etl demo`: the whole pipeline on one machine, with real input, and the proof of what it did."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
from local_aws.processes import Supervisor
from local_aws.ports import require_free
from local_aws.stack import LocalAws, StackSettings

from etl_cli import figures, keys, proof
from etl_cli.freshness import FreshnessSampler
from etl_cli.layout import SERVICES, Layout, project_root
from etl_cli.report import render
from etl_cli.report.reconcile import Report
from etl_cli.resources import PLAN
from etl_cli.screen import Screen
from etl_cli.services import feeder_programs, probe_url, service_programs
