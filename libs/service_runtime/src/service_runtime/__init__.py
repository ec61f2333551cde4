"""What every service shares: settings, logs, signals and drain, probes and metrics, AWS clients.

A service is `run(Settings, main, name=…, description=…)`: see `runtime.run`.
"""

from service_runtime.runtime import Runtime, run
from service_runtime.settings import ConsumerSettings, ServiceSettings, SettingsInvalid, load

__all__ = ["ConsumerSettings", "Runtime", "ServiceSettings", "SettingsInvalid", "load", "run"]
