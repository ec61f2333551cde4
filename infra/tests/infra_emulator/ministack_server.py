"""ministack, which here closes each connection after its answer. Runs in ministack's own environment.

Its HTTP server ends a kept connection now and then without having said so. What the provider had sent on it by then is
done, and not answered: it asks again, and what it makes is there already.
"""

import sys

from hypercorn.config import Config
from ministack.app import main

Config.keep_alive_max_requests = 0

if __name__ == "__main__":
    sys.exit(main())
