"""What a trace does not have of the run, in sentences (design/readers.md#.def.missing)."""


def missing(figures):
    """A sentence for each thing that the figures of a trace tell to be missing."""
    told = []
    if cut := figures.get("cut_short"):
        told.append(f"Cut short: the file ends within line {cut['line']:,}, {cut['text']}.")
    if lost := figures.get("lost"):
        told.append(f"Lost: all that comes after {lost}.")
    if first := figures.get("first_damaged"):
        where = "" if first["line"] is None else f" in line {first['line']:,}"
        told.append(
            f"Damaged: {figures['damaged']:,} places were left out, the first{where}: "
            f"{first['found']}, expected {first['expected']}."
        )
    if guessed := figures.get("guessed"):
        told.append(
            f"Guessed: which block was freed, {guessed:,} times, for the file names none: lifetimes, and what "
            "is held after the peak, may be others. What heaptrack -r records has the addresses."
        )
    if said := figures.get("memray_said"):
        told.append(f"Lost: memray could not read all of the capture, and said {said}.")
    return told
