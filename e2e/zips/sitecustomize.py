"""On the PYTHONPATH of a Python that packs functions: a third of the time, and zips that are a quarter larger."""

import zlib

zlib.Z_DEFAULT_COMPRESSION = zlib.Z_BEST_SPEED
