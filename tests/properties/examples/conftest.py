"""The feeders are scripts that import one another from their own folder, so that folder is put on the path."""

import sys
from pathlib import Path

FEEDERS = Path(__file__).parents[3] / "examples" / "feeders"
sys.path.insert(0, str(FEEDERS))
