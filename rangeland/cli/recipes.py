"""How to record a program's allocations with each tool: what `rangeland info --help` says."""

from textwrap import indent

# Of each tool: the commands, and what one has to know besides.
RECIPES = {
    "valgrind, any program": (
        "valgrind --tool=massif --massif-out-file=/dev/null --trace-malloc=yes \\\n"
        "  --log-file=my.%p.log ./my-program",
        "Also with memcheck, dhat, helgrind and drd. --trace-children=yes follows what it starts.",
    ),
    "heaptrack, any program": (
        "heaptrack -r -o my ./my-program",
        "It slows the program least. Without -r it is read, too, but names no addresses.",
    ),
    "mtrace, of glibc": (
        "echo '#include <mcheck.h>\n"
        "__attribute__((constructor)) static void begin(void) { mtrace(); }' |\n"
        "  cc -shared -fPIC -x c - -o begin.so\n"
        "MALLOC_TRACE=my.mtrace LD_PRELOAD=libc_malloc_debug.so.0:./begin.so ./my-program",
        "Before glibc 2.34 leave libc_malloc_debug.so.0 out.",
    ),
    "ltrace, any program": (
        "ltrace -f -L -x 'malloc@libc.so*+calloc@libc.so*+realloc@libc.so*+free@libc.so*' \\\n"
        "  -o my.ltrace ./my-program",
        "With +memalign@libc.so* and others that the program calls.",
    ),
    "memray, of Python": (
        "memray run -o my.memray my_program.py",
        "With --trace-python-allocators the objects of Python, too. Needs rangeland[memray].",
    ),
    "PyTorch, a GPU's memory": (
        "torch.cuda.memory._record_memory_history()  # then the program, then\n"
        'torch.cuda.memory._dump_snapshot("my.pickle")',
        "",
    ),
    "RMM, a GPU's memory": (
        'rmm.enable_logging(log_file_name="my.csv")',
        "A file a device.",
    ),
    "Android, an app": (
        "adb shell setprop wrap.APP '\"LIBC_DEBUG_MALLOC_OPTIONS=record_allocs\"'\n"
        "adb shell kill -46 PID; adb pull /data/local/tmp/record_allocs.txt",
        "The signal is SIGRTMAX - 18; the app must be allowed to write that file.",
    ),
    "the MPS": (
        "MPS_TELEMETRY_CONTROL=all MPS_TELEMETRY_FILENAME=my.io ./my-program\n"
        "mpseventcnv -f my.io | mpseventtxt > my.txt",
        "",
    ),
}


def text():
    """All recipes as text, a paragraph each, which click leaves as it is."""
    paragraphs = ["How to record a program"]
    for tool, (commands, note) in RECIPES.items():
        said = f"  {tool}:\n{indent(commands, '      ')}" + (f"\n    {note}" if note else "")
        paragraphs.append(said)
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in paragraphs)
