"""The indexer as a process, before OpenSearch is there."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.integration


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_lives_without_opensearch_is_not_ready_and_stops_when_told() -> None:
    """No order of starting is needed: it waits for OpenSearch, alive but not ready, and SIGTERM ends it with 0."""
    environment = {**os.environ, "OPENSEARCH_URL": "http://127.0.0.1:9", "INDEXER_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "indexer"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r'"probes":"(http://[^"]+)"', process.stderr.readline())
        assert found
        assert status(f"{found[1]}/livez") == 200
        assert status(f"{found[1]}/readyz") == 503
        stopping = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - stopping < 15
