"""`python -m tests.demo`: run the demo, end with 1 and a reason when it does not go through."""

import sys

from tests.cluster.errors import BedError
from tests.demo.show import demo

try:
    sys.exit(demo())
except BedError as error:
    sys.exit(f"error: {error}")
except KeyboardInterrupt:
    sys.exit("stopped; what was installed stays")
