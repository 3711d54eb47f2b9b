"""The benchmark: how long the pools take, beside libc's malloc and free.

All ratios are of times taken in one run, the loops in turn, several rounds.
"""

import argparse
import json

from measure import HERE, UNIT, measure


def page(figures):
    """The figures as the text that is kept beside this file."""
    lines = [
        "# Benchmark",
        "",
        f"Rangeland {figures['version']}, {figures['speed']}; Python {figures['python']}, "
        f"{figures['machine']}, {figures['cores']} cores; seed {figures['seed']}; "
        f"{figures['operations']:,} operations a trace, median of {figures['rounds']} rounds. "
        "Made by `make bench`.",
        "",
        "Beside libc's malloc and free, in the same loop; sizes lognormal with a mean of about "
        f"120 bytes, for MFS {UNIT} bytes:",
        "",
        "| pool | live blocks | ns per operation | libc, ns | ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, live, taken, libc, ratio in figures["beside_libc"]:
        lines.append(f"| {name} | {live:,} | {taken:.1f} | {libc:.1f} | {ratio:.2f} |")
    lines += _on_traces(figures["on_traces"])
    lines += [
        "",
        "Growth of cost: MVFF against the live set (best of 3):",
        "",
        "| live blocks | ns per operation | ns per log2 of the live set |",
        "|---:|---:|---:|",
    ]
    lines += [f"| {live:,} | {ns:.1f} | {level:.2f} |" for live, ns, level in figures["growth"]]
    interpreted_us = ", ".join(f"{us:.2f}" for us in figures["interpreted_us"].values())
    lines += [
        "",
        "| what | figure |",
        "|---|---:|",
        f"| an alloc called from Python | {figures['alloc_from_python_ns']:.0f} ns |",
        f"| a free called from Python | {figures['free_from_python_ns']:.0f} ns |",
        f"| creating and destroying an arena | {figures['create_and_destroy_us']:.0f} us |",
        f"| MVFF interpreted, {' and '.join(figures['interpreted_us'])} live | "
        f"{interpreted_us} us per operation |",
    ]
    return "\n".join(lines) + "\n"


def _on_traces(traces):
    """What each policy and each real allocator took for real programs."""
    lines = [
        "",
        "Real programs, each policy and each real allocator in turn, in one run: million operations a "
        "second, and the peak of memory (committed, or resident above what the process had) over the "
        "peak of what lived. A pool's loop looks at live and committed bytes after every operation; "
        "that of the real ones does nothing but call.",
        "",
        "| | " + " | ".join(f"{name}, {count:,} operations |" for name, count, _, _ in traces),
        "|---|" + "---:|---:|" * len(traces),
    ]
    for i, (name, *_) in enumerate(traces[0][3]):
        cells = []
        for _, _, live, rows in traces:
            _, ns, peak, _ = rows[i]
            cells.append(f"{1000 / ns:.2f} | {peak / live:.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main():
    """Measure, print, and with --write keep the figures here."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--operations", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the page")
    parser.add_argument("--write", action="store_true", help="keep the page and the JSON here")
    options = parser.parse_args()
    figures = measure(options.operations, options.rounds)
    print(json.dumps(figures, indent=1) if options.json else page(figures), end="")
    if options.write:
        (HERE / "results.json").write_text(json.dumps(figures, indent=1) + "\n")
        (HERE / "results.md").write_text(page(figures))


if __name__ == "__main__":
    main()
