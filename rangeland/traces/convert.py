"""Writing a trace in another form, whole or not at all (design/forms.md#.sol.convert)."""

import gzip
import os
from contextlib import ExitStack
from pathlib import Path

from rangeland.inputs import STANDARD
from rangeland.traces import parquet
from rangeland.traces.atomic import refuse_existing, written
from rangeland.traces.writers import minimalloc, rep, torch
from vm.results import ParamError

PARQUET = parquet.NAME
WRITERS = {writer.NAME: writer for writer in (rep, minimalloc, torch)}
FORMS = (PARQUET, *WRITERS)
SUFFIXES = {".parquet": PARQUET, ".rep": rep.NAME, ".csv": minimalloc.NAME, ".pickle": torch.NAME}
PACKED = ".gz"


def form_of(path):
    """The form that the suffix of `path` says. Raises: ParamError."""
    name = Path(path).name.removesuffix(PACKED)
    form = SUFFIXES.get(Path(name).suffix)
    if form is None:
        known = ", ".join(SUFFIXES)
        raise ParamError(f"{path}: the name says no form: expected one of {known}, or --to")
    return form


def refuse_output(source, path, form, force=False):
    """Refuse what convert would refuse, before the trace is read. Raises: ParamError; OSError."""
    if form == PARQUET and str(path).endswith(PACKED):
        raise ParamError(f"{path}: a Parquet file is packed within: expected a name without {PACKED}")
    if source not in (None, STANDARD) and os.path.exists(path) and os.path.samefile(source, path):
        raise ParamError(f"{path}: is the trace that is read, expected another file to write")
    refuse_existing(path, force)
    if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise FileNotFoundError(2, os.strerror(2), str(path))


def convert(trace, path, form=None, force=False, progress=None):
    """Write the Trace `trace` as the file `path`, in `form` or that of the file's suffix.

    A name that ends in .gz is packed. `progress(rows)` is called now and then.
    Returns what was written: form, events, bytes, and `untold`, what the form
    cannot say, counted.
    Raises: ParamError if the form is unknown or `path` exists, unless `force` is
    true; OSError. Nothing is left of a file that was not written whole.
    """
    form = form or form_of(path)
    if form not in FORMS:
        raise ParamError(f"unknown form {form!r}: expected one of {', '.join(FORMS)}")
    refuse_output(None, path, form, force)
    if form == PARQUET:
        parquet.write_parquet(trace, path, force, progress)
        counts = {}
    else:
        with ExitStack() as stack:
            file = stack.enter_context(written(path, force))
            if str(path).endswith(PACKED):
                # No name and no time within: the same trace gives the same bytes.
                file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
            counts = WRITERS[form].write(trace, file, progress)
    return {"form": form, "events": len(trace), "bytes": os.path.getsize(path), "untold": counts}
