"""The Firehose double alone: `python firehose_alone.py PORT S3_ENDPOINT DATA_DIR`, until SIGTERM."""

import asyncio
import signal
import sys
from pathlib import Path

from local_aws.firehose.http import TARGET_PREFIX, firehose_service
from local_aws.firehose.settings import FirehoseSettings
from local_aws.http import application
from local_aws.server import Server


async def serve(port: int, s3_endpoint: str, data_dir: Path) -> None:
    settings = FirehoseSettings(create_seconds=0)
    service = firehose_service(s3_endpoint, data_dir, settings)
    await service.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Server(application({TARGET_PREFIX: service.handle}, routes=service.routes()), port=port):
        await stop.wait()
    await service.stop()


asyncio.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
