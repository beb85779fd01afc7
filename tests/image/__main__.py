"""`python -m tests.image`: build the image, say where it is."""

import sys

from tests.cluster.errors import BedError
from tests.image.build import build

try:
    print(build())
except BedError as error:
    sys.exit(f"error: {error}")
