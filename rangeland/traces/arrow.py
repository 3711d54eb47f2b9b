"""The library pyarrow, imported when first asked for: it is large, and an extra."""

import functools

import numpy as np

from rangeland.interrupts import uninterrupted
from vm.results import ParamError


@functools.cache
def pyarrow():
    """The modules pyarrow and pyarrow.parquet. Raises: ParamError without them."""
    try:
        with uninterrupted():
            import pyarrow
            import pyarrow.parquet
            # With its first array it imports more, and loses what is raised meanwhile.
            pyarrow.array(np.empty(0))
    except ImportError as error:
        raise ParamError(
            "a Parquet file needs pyarrow, which is not installed: pip install 'rangeland[parquet]'"
        ) from error
    return pyarrow, pyarrow.parquet
