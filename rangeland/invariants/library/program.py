"""The C program that repeats a finding: it opens the library and does the steps.

It ends with 0 if all holds, with 1 if the invariant is broken, and dies as the
library does. Source: design/library.md#.sol.program
"""

import re

from rangeland.invariants.library.nursery import TUNABLES
from rangeland.invariants.library.patterns import C as PATTERN
from rangeland.invariants.library.steps import IMPOSSIBLE, ORDER, is_alignment
from rangeland.invariants.library.storm import STORM

SECONDS = 20

_INCLUDES = "dlfcn.h stdint.h stdio.h stdlib.h string.h sys/wait.h unistd.h"
_SIGNATURES = {
    "malloc": "void *(*malloc_)(size_t)",
    "free": "void (*free_)(void *)",
    "calloc": "void *(*calloc_)(size_t, size_t)",
    "realloc": "void *(*realloc_)(void *, size_t)",
    "reallocarray": "void *(*reallocarray_)(void *, size_t, size_t)",
    "aligned_alloc": "void *(*aligned_alloc_)(size_t, size_t)",
    "memalign": "void *(*memalign_)(size_t, size_t)",
    "valloc": "void *(*valloc_)(size_t)",
    "posix_memalign": "int (*posix_memalign_)(void **, size_t, size_t)",
    "malloc_usable_size": "size_t (*malloc_usable_size_)(void *)",
}

# Each helper is written if what follows it uses it.
_HELPERS = {
    "verdict": """\
static void verdict(void) {
    fflush(stdout);
    _exit(1);
}""",
    "pattern": PATTERN.rstrip(),
    "bad": """\
static void bad(const char *what, int i) {
    printf("%s: block %d, %zu bytes at %p\\n", what, i, b[i].size, (void *)b[i].at);
    verdict();
}""",
    "fill": """\
static void fill(int i, size_t from) {
    for (size_t k = from; k < b[i].extent; k++)
        if (k < LARGE || k + 256 >= b[i].extent) b[i].at[k] = pattern(i, k);
        else k = b[i].extent - 257;
}""",
    "expect": """\
static void expect(int i, size_t size, const char *what) {
    for (size_t k = 0; k < size && k < LARGE; k++)
        if (b[i].at[k] != pattern(i, k)) bad(what, i);
}""",
    "place": """\
static void place(int i, void *p, size_t size, size_t align) {
    size_t at = (size_t)p;
    b[i].at = p, b[i].size = b[i].extent = size;
    if (at < 4096 || at + size > (size_t)1 << 57) bad("no address", i);
    while (align > size && align <= 16) align /= 2;
    if (size && at & (align - 1)) bad("not aligned", i);
    for (int k = 1; k <= BLOCKS; k++)
        if (k != i && b[k].at && at < (size_t)b[k].at + (b[k].extent ? b[k].extent : 1)
            && (size_t)b[k].at < at + (size ? size : 1)) bad("two blocks overlap", i);
}""",
    "got": """\
static void got(int i, void *p, size_t size, size_t align) {
    if (!p) return;
    place(i, p, size, align);
    fill(i, 0);
}""",
    "got_zeros": """\
static void got_zeros(int i, unsigned char *p, size_t size) {
    if (!p) return;
    place(i, p, size, 16);
    for (size_t k = 0; k < size; k++)
        if (p[k]) bad("not zeroed", i);
    fill(i, 0);
}""",
    "none": """\
static void none(void *p, const char *what) {
    if (!p) return;
    printf("%s gave a block: %p\\n", what, p);
    verdict();
}""",
    "refused": """\
static void refused(int i, void *p, const char *what) {
    none(p, what);
    if (b[i].at) expect(i, b[i].extent, "contents lost");
}""",
    "aligned": """\
static void *aligned(size_t align, size_t size) {
    void *p = &p;
    int failed = posix_memalign_(&p, align, size);
    if (failed ? p && p != &p : p == &p || (!p && size)) {
        printf("posix_memalign gave %d and %p\\n", failed, p);
        verdict();
    }
    return failed ? NULL : p;
}""",
    "unaligned": """\
static void unaligned(size_t align, size_t size) {
    void *p = NULL;
    if (posix_memalign_(&p, align, size)) return;
    printf("posix_memalign took the alignment %zu\\n", align);
    verdict();
}""",
    "leave": """\
static unsigned char *leave(int i) {
    unsigned char *at = b[i].at;
    if (at) expect(i, b[i].extent, "contents lost");
    b[i].at = NULL;
    return at;
}""",
    "resized": """\
static void resized(int i, void *old, void *p, size_t size) {
    size_t kept = size < b[i].size ? size : b[i].size;
    if (!p) { if (size) b[i].at = old; return; }
    place(i, p, size, 16);
    expect(i, kept, "prefix lost");
    fill(i, kept);
}""",
    "resize": """\
static void resize(int i, size_t size) {
    unsigned char *old = leave(i);
    if (old) resized(i, old, realloc_(old, size), size);
}""",
    "resize_array": """\
static void resize_array(int i, size_t count, size_t size) {
    unsigned char *old = leave(i);
    if (old) resized(i, old, reallocarray_(old, count, size), count * size);
}""",
    "freed": """\
static void freed(int i) {
    unsigned char *at = leave(i);
    if (at) free_(at);
}""",
    "usable": """\
static void usable(int i) {
    size_t size = b[i].at ? malloc_usable_size_(b[i].at) : 0, from = b[i].extent;
    if (!b[i].at) return;
    if (size < b[i].size) bad("usable size too small", i);
    if (size <= from) return;
    for (int k = 1; k <= BLOCKS; k++)
        if (k != i && b[k].at > b[i].at && b[k].at < b[i].at + size)
            bad("usable size too large", i);
    b[i].extent = size;
    fill(i, from);
}""",
    "usable_null": """\
static void usable_null(void) {
    if (malloc_usable_size_(NULL)) { puts("the usable size of NULL is not 0"); verdict(); }
}""",
    "check": """\
static void check(void) {
    for (int i = 1; i <= BLOCKS; i++)
        if (b[i].at) expect(i, b[i].extent, "contents lost");
}""",
}


def program(steps, invariant, message, seed, room=None):
    """The text of the program that does `steps` and ends as they were found to.
    `room` is (offset, bytes) of the object in the library that has to hold blocks."""
    numbers = {}
    lines = []
    for step in steps:
        if len(step) > 1:
            numbers.setdefault(step[1], len(numbers) + 1)
        lines.append(_line(step, numbers.get(step[1]) if len(step) > 1 else 0))
    body = "\n".join("    " + line for line in _runs(lines))
    text = f"static void steps(void) {{\n{body}\n}}\n"
    room = room if invariant == "outside" else None
    for name, helper in reversed(_HELPERS.items()):
        helper = _in_room(helper, room) if name == "place" else helper
        if re.search(rf"\b{name}\(", text):
            text = helper + "\n" + text
    used = [name for name in _SIGNATURES if re.search(rf"\b{name}_\(", text)]
    pointers = "".join(f"static {_SIGNATURES[name]};\n" for name in used)
    blocks = f"enum {{ BLOCKS = {len(numbers)}, LARGE = 1 << 22 }};\n"
    blocks += "static struct { unsigned char *at; size_t size, extent; } b[BLOCKS + 1];\n"
    if "b[" not in text and "BLOCKS" not in text:
        blocks = ""
    room = room if "static char *room" in text else None
    return _head(invariant, message, seed) + pointers + blocks + text + _main(used, invariant, room)


def storm_program(threads, operations, seed, rounds, invariant, message):
    """The text of the program that repeats a finding of several threads."""
    loads = "".join(f'    *(void **)&found.{name} = own(lib, "{name}");\n' for name in ORDER)
    return (
        _head(invariant, message, seed, "-pthread")
        + STORM
        + _OWN
        + f"""
int main(int argc, char **argv) {{
    static volatile unsigned long words[MOST];
    static char told[400];
    static struct functions found;
{_OPEN}{loads}    alarm({SECONDS});
    for (int round = 0; round < {rounds}; round++)
        if (storm(&found, {threads}, {operations}, {seed} + 6 * round, words, told)) {{
            puts(told);
            fflush(stdout);
            _exit(1);
        }}
    _exit(0);
}}
"""
    )


# A function that the library lacks is not that of another one that it depends on.
_OWN = """\
static void *own(void *lib, const char *name) {
    void *at = dlsym(lib, name), *first = dlsym(lib, "malloc");
    Dl_info here, home;
    if (!at || !first || !dladdr(at, &here) || !dladdr(first, &home)) return NULL;
    return here.dli_fbase == home.dli_fbase ? at : NULL;
}
"""
_NEEDED = """\
static void *needed(void *lib, const char *name) {
    void *at = own(lib, name);
    if (at) return at;
    fprintf(stderr, "the library has no %s of its own\\n", name);
    _exit(2);
}
"""

# The object in the library from which its blocks come, as it was found.
_ROOM = """\
static void inside(int i, size_t size) {
    size_t at = (size_t)b[i].at, base = (size_t)room, limit = base + %d;
    if (base && at >= base && at < limit + 4096 && at + size > limit)
        bad("beyond the room of the library", i);
}
"""

_ROOMS = """\
    Dl_info home;
    if (dladdr(*(void **)&malloc_, &home)) room = (char *)home.dli_fbase + %d;
"""

_OPEN = """\
    void *lib = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;
    if (!lib) {
        fprintf(stderr, "usage: %s LIBRARY (%s)\\n", argv[0], argc > 1 ? dlerror() : "none given");
        return 2;
    }
"""


def _head(invariant, message, seed, flags=""):
    told = message.replace("*/", "* /").replace("\n", " ")
    includes = "".join(f"#include <{name}>\n" for name in _INCLUDES.split())
    command = " ".join(f"cc -Wall {flags} repeat.c -o repeat -ldl".split())
    return f"""\
/* {invariant}: {told}
 * Found by `rangeland prove --library` with seed {seed}. To repeat it:
 *   {command}
 *   GLIBC_TUNABLES={TUNABLES} ./repeat LIBRARY
 */
#define _GNU_SOURCE
{includes}
"""


def _main(used, invariant, room):
    loads = "".join(f'    *(void **)&{name}_ = needed(lib, "{name}");\n' for name in used)
    if room is not None:
        loads += _ROOMS % room[0]
    start = f"{_OWN}{_NEEDED}int main(int argc, char **argv) {{\n{_OPEN}{loads}"
    if invariant != "exits":
        return f"{start}    alarm({SECONDS});\n    steps();\n    _exit(0);\n}}\n"
    return f"""{start}    int status, child = fork();
    if (child == 0) {{
        steps();
        _exit(42);
    }}
    waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 42;
}}
"""


def _line(step, number):
    """The statement that does `step` of the block `number`."""
    name, *args = step
    sizes = [_c(arg) for arg in args[1:]]
    product = 1
    for size in args[1:]:
        product *= size
    if name == "check":
        return "check();"
    if name == "free_null":
        return "free_(NULL);"
    if name == "malloc_usable_size_null":
        return "usable_null();"
    if name == "free":
        return f"freed({number});"
    if name == "malloc_usable_size":
        return f"usable({number});"
    if name in ("realloc", "reallocarray"):
        call = f"{name}_(b[{number}].at, {', '.join(sizes)})"
        if product >= IMPOSSIBLE:
            return f'refused({number}, {call}, "{name}");'
        helper = "resize" if name == "realloc" else "resize_array"
        return f"{helper}({number}, {', '.join(sizes)});"
    return _made(name, number, args[1:], sizes, product)


def _made(name, number, args, sizes, product):
    function = name.removesuffix("_null")
    call = f"{function}_({', '.join(['NULL', *sizes] if name != function else sizes)})"
    aligned = function in ("aligned_alloc", "memalign", "posix_memalign")
    if function == "posix_memalign":
        call = f"aligned({', '.join(sizes)})"
    if function == "posix_memalign" and not is_alignment(args[0]):
        return f"unaligned({', '.join(sizes)});"
    if (args[-1] if aligned else product) >= IMPOSSIBLE:
        return f'none({call}, "{function}");'
    if function == "reallocarray":
        sizes = [_c(product)]
    if function == "calloc":
        return f"got_zeros({number}, {call}, {_c(product)});"
    align = max(args[0], 16) if aligned else 4096 if function == "valloc" else 16
    return f"got({number}, {call}, {sizes[-1]}, {align});"


def _c(number):
    return f"{number}u" if number >= 1 << 31 else str(number)


def _in_room(place, room):
    """The helper that judges places, which also knows the room that there is."""
    if room is None:
        return place
    inside = _ROOM % room[1]
    at = place.rindex("}")
    return f"static char *room;\n{inside}{place[:at]}    inside(i, size);\n}}"


_CALL = re.compile(r"(\w+\()(\d+)\b(.*)", re.S)


def _runs(lines):
    """The lines, with three or more alike, of ascending blocks, as a loop; pairs too."""
    at = 0
    while at < len(lines):
        for period in (1, 2):
            count = _alike(lines, at, period)
            if count >= 3:
                yield _loop(lines[at : at + period], count)
                at += count * period
                break
        else:
            yield lines[at]
            at += 1


def _alike(lines, at, period):
    """How often the `period` lines at `at` come, each time with the next block."""
    matches = [_CALL.fullmatch(line) for line in lines[at : at + period]]
    if not all(matches) or len({match[2] for match in matches}) != 1:
        return 1
    first, count = int(matches[0][2]), 1
    while all(
        lines[at + count * period + k : at + count * period + k + 1]
        == [f"{match[1]}{first + count}{match[3]}"]
        for k, match in enumerate(matches)
    ):
        count += 1
    return count


def _loop(lines, count):
    matches = [_CALL.fullmatch(line) for line in lines]
    first = int(matches[0][2])
    body = " ".join(f"{match[1]}i{match[3]}" for match in matches)
    body = body if len(lines) == 1 else f"{{ {body} }}"
    return f"for (int i = {first}; i < {first + count}; i++) {body}"
