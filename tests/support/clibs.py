"""Small allocators in C, each wrong in one way, or sound: compiled when a test asks.

One allocator, of blocks with a header in classes of powers of two; a fault is
a macro that is defined for it.
"""

import shutil
import subprocess
from pathlib import Path

CC = shutil.which("cc")

ALLOCATOR = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct head { size_t class, size; };
struct spare { struct spare *next; };
enum { CLASSES = 48, FIRST = 4 };
static const size_t ALL = (size_t)4 << 30;
static struct spare *lists[CLASSES];
static char *base, *next;
static size_t calls, frees;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#ifdef NO_LOCK
#define LOCK()
#define UNLOCK()
#else
#define LOCK() pthread_mutex_lock(&mutex)
#define UNLOCK() pthread_mutex_unlock(&mutex)
#endif

static struct head *head(void *p) { return (struct head *)p - 1; }

static void *carve(size_t class) {
    size_t size = ((size_t)1 << class) + sizeof(struct head);
    if (!base) {
        base = next = mmap(0, ALL, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED) abort();
    }
    if (size > ALL - (next - base)) return NULL;
    char *p = next;
#ifdef OVERLAPS
    if (class == 7) size -= 48;
#endif
    next += size;
    return p + sizeof(struct head);
}

void *malloc(size_t size) {
    size_t class = FIRST;
#ifdef EXITS
    if (size == 100) exit(0);
#endif
#ifdef ZERO_TWICE
    static char zero[16] __attribute__((aligned(16)));
    if (size == 0) return zero;
#endif
#ifdef CUTS_TO_INT
    if (size >> 32 == 0 && (int)size < 0) size = 16;
#endif
#ifdef CUTS
    size = (unsigned)size;
#endif
    if (size > ALL) { errno = ENOMEM; return NULL; }
    while (((size_t)1 << class) < size) class++;
    LOCK();
#ifdef CRASHES
    if (++calls == 20) raise(SIGSEGV);
#endif
    struct spare *p = lists[class];
    if (p) {
        struct spare *after = p->next;
#ifdef NO_LOCK
        /* A wide window, even where all threads share one processor. */
        if (++calls % 64 == 0) sched_yield();
#endif
        lists[class] = after;
    } else
        p = carve(class);
    UNLOCK();
    if (!p) { errno = ENOMEM; return NULL; }
    head(p)->class = class, head(p)->size = size;
#ifdef MISALIGNED
    if (size == 40) return (char *)p + 8;
#endif
#ifdef NONSENSE
    if (size == 64) return (void *)64;
#endif
#ifdef WILD
    if (size == 64) return (void *)0x700000000000;
#endif
    return p;
}

void free(void *p) {
    if (!p) return;
#ifdef MISALIGNED
    p = (void *)((uintptr_t)p & ~(uintptr_t)15);
#endif
#ifdef ZERO_TWICE
    if ((char *)p < base || (char *)p >= next) return;
#endif
    LOCK();
    size_t class = head(p)->class;
    if (class >= CLASSES) abort();
#ifdef HANGS
    if (++frees > 2) for (;;) ;
#endif
#ifdef COUNTS
    if (++frees > 300) ((char *)p)[((size_t)1 << class) + sizeof(struct head) + 3] ^= 16;
#endif
#ifdef SCRIBBLES
    if (class == 6) memset((char *)p + 64 + 16, 0xee, 8);
#endif
    struct spare *s = p;
    s->next = lists[class], lists[class] = s;
#ifdef TWICE
    if (class == 8 && ++frees % 3 == 0) s->next = s;
#endif
    UNLOCK();
}

void *calloc(size_t count, size_t size) {
#ifndef OVERFLOWS
    if (size && count > SIZE_MAX / size) { errno = ENOMEM; return NULL; }
#endif
    void *p = malloc(count * size);
#ifdef NOT_ZEROED
    if (p && count * size < 512) memset(p, 0, count * size);
#else
    if (p) memset(p, 0, count * size);
#endif
    return p;
}

void *realloc(void *p, size_t size) {
    if (!p) return malloc(size);
    if (size == 0) { free(p); return NULL; }
    size_t old = head(p)->size, all = (size_t)1 << head(p)->class;
#ifdef GROWS_TOO_FAR
    all += 16;
#endif
#ifdef LOSES_SHRUNK
    if (size < all / 8) {
        void *small = malloc(size);
        if (small) memcpy(small, p, size - 1), free(p);
        return small;
    }
#endif
    if (size <= all) { head(p)->size = size; return p; }
    void *q = malloc(size);
    if (!q) return NULL;
#ifdef LOSES_TAIL
    old &= ~(size_t)7;
#endif
#ifdef READS_BEYOND
    old = size > 200000 ? (size_t)8 << 30 : size;
#endif
#ifdef LOSES_FAR_END
    old = old > 1 << 20 ? 1 << 20 : old;
#endif
    memcpy(q, p, old);
    free(p);
    return q;
}

#ifndef PLAIN
size_t malloc_usable_size(void *p) {
#ifndef USABLE_OF_NULL
    if (!p) return 0;
#endif
#ifdef USABLE_TOO_LARGE
    return ((size_t)1 << head(p)->class) + 8;
#endif
#ifdef USABLE_TOO_SMALL
    return head(p)->size & ~(size_t)15;
#endif
    return (size_t)1 << head(p)->class;
}
int posix_memalign(void **out, size_t align, size_t size) {
#ifdef NOT_AS_ALIGNED
    align = align > 64 ? 64 : align;
#endif
#ifdef NOT_AS_FAR_ALIGNED
    align = align > 1 << 20 ? 1 << 20 : align;
#endif
#ifndef ANY_ALIGNMENT
    if (!align || align % sizeof(void *) || align & (align - 1)) return EINVAL;
#endif
    if (size > ALL) return ENOMEM;
    char *p = malloc(size + align);
    if (!p) return ENOMEM;
    char *at = (char *)(((uintptr_t)p + align - 1) & -align);
    if (at != p) {
        /* The rest of a block whose beginning is left unused for good. */
        size_t class = FIRST;
        while (((size_t)2 << class) <= size + align - (size_t)(at - p)) class++;
        if (((size_t)1 << class) < size) { *out = NULL; return ENOMEM; }
        head(at)->class = class, head(at)->size = size;
    }
    *out = at;
    return 0;
}
#ifdef SHORT_OF_ALIGNMENT
void *aligned_alloc(size_t align, size_t size) {
    void *p;
    return posix_memalign(&p, align, size & -align) ? NULL : p;
}
#endif
#endif

#ifdef CRASHES_AT_LOAD
static void __attribute__((constructor)) start(void) { raise(SIGSEGV); }
#endif
#ifdef EXITS_AT_LOAD
static void __attribute__((constructor)) start(void) { exit(3); }
#endif
#ifdef HANGS_AT_LOAD
static void __attribute__((constructor)) start(void) { for (;;) ; }
#endif
"""

# Over libc's own, as libraries for LD_PRELOAD are.
WRAPPER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
void *malloc(size_t size) {
    static void *(*libc)(size_t);
    if (!libc) libc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return libc(size);
}
void free(void *p) {
    static void (*libc)(void *);
    if (!libc) libc = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    libc(p);
}
"""

# In libc's heap: what a process has used before is what calloc then gives.
IN_LIBC = r"""
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
void *__libc_malloc(size_t);
void __libc_free(void *);
void *malloc(size_t size) {
#ifdef ONCE
    int file = size == 1000 ? open(ONCE, O_CREAT | O_EXCL, 0600) : -1;
    if (file >= 0) abort();
#endif
#ifdef CLOSES
    if (size == 1000) for (int i = 0; i < 64; i++) close(i);
#endif
    return __libc_malloc(size);
}
void free(void *p) { __libc_free(p); }
#ifdef BY_CHANCE
void *__libc_memalign(size_t, size_t);
void *memalign(size_t align, size_t size) {
    return __libc_memalign(align > 4096 ? 4096 : align, size);
}
#endif
void *calloc(size_t count, size_t size) {
    if (size && count > SIZE_MAX / size) return NULL;
    void *p = __libc_malloc(count * size);
#ifdef DIRTY
    if (size >= 65536) return p;
#endif
    return p ? memset(p, 0, count * size) : p;
}
"""

# What a thread used last is given to the third thread or a later one, which begins.
THREAD_ENDS = r"""
#include <pthread.h>
#include <stddef.h>
void *__libc_malloc(size_t);
void __libc_free(void *);
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *left;
static int begun;
static __thread void *last;
static void ended(void *p) { (void)p, left = last; }
static void begin(void) { pthread_key_create(&key, ended); }
void *malloc(size_t size) {
    void *p = NULL;
    pthread_once(&once, begin);
    if (!pthread_getspecific(key)) {
        pthread_mutex_lock(&mutex);
        if (++begun > 2) p = left, left = NULL;
        pthread_mutex_unlock(&mutex);
    }
    if (!p || size > 2048) p = __libc_malloc(size < 2048 ? 2048 : size);
    if (size <= 2048) last = p;
    pthread_setspecific(key, &key);
    return p;
}
void free(void *p) {
    if (p == last) last = NULL;
    __libc_free(p);
}
"""

# For finding faults, as debugging allocators do: right, and dear if blocks are huge.
FILLS = r"""
#include <string.h>
void *__libc_malloc(size_t);
void __libc_free(void *);
static size_t all(void *p) { return (((size_t *)p)[-1] & ~(size_t)7) - 16; }
void *malloc(size_t size) {
    void *p = __libc_malloc(size);
#ifdef AT_MALLOC
    if (p) memset(p, 0xab, size);
#endif
    return p;
}
void free(void *p) {
#ifdef AT_FREE
    if (p) memset(p, 0xcd, all(p));
#endif
    __libc_free(p);
}
"""

# Never frees: wasteful, and right; refuses when its memory is used up.
BUMP = r"""
#include <stddef.h>
static _Alignas(16) char memory[1 << 20];
static size_t used;
void *malloc(size_t size) {
    if (size > sizeof memory - 32 || used + size > sizeof memory - 32) return NULL;
    void *p = memory + used;
    used += ((size ? size : 1) + 15) & ~(size_t)15;
    return p;
}
void free(void *p) { (void)p; }
"""

# The same in an object of its own, which it tells to the linker alone.
ROOM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
enum { UNIT = 4096, UNITS = 256 };
static _Alignas(4096) char room[UNIT * UNITS];
static char behind[1 << 16];
static unsigned char taken[UNITS + 8];
static size_t wide[UNITS + 8];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
#ifndef EXTRA
#define EXTRA 0
#endif
static size_t needed(size_t size) { return (size + (size == 0) + UNIT - 1) / UNIT; }
void *malloc(size_t size) {
    void *p = NULL;
    if (size > UNIT * UNITS) return NULL;
    pthread_mutex_lock(&mutex);
    behind[size % sizeof behind]++;
#ifdef LAST_SHORT
    size_t count = size > UNIT ? size / UNIT : needed(size), all = UNITS;
#else
    size_t count = needed(size), all = UNITS + EXTRA;
#endif
    for (size_t at = 0, run = 0; at < all; at++) {
        run = taken[at] ? 0 : run + 1;
        if (run == count) {
            memset(taken + at + 1 - count, 1, count);
            wide[at + 1 - count] = count, p = room + (at + 1 - count) * UNIT;
            break;
        }
    }
    pthread_mutex_unlock(&mutex);
    return p;
}
void free(void *p) {
    if (!p) return;
    size_t at = ((char *)p - room) / UNIT;
    pthread_mutex_lock(&mutex);
    memset(taken + at, 0, wide[at]);
    pthread_mutex_unlock(&mutex);
}
"""

# Wrapping sizes and refusals: what each gets wrong, over libc.
WRAPS = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
void *__libc_malloc(size_t);
void __libc_free(void *);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void *malloc(size_t size) { return __libc_malloc(size); }
void free(void *p) { __libc_free(p); }
void *realloc(void *p, size_t size) {
#ifdef NULL_WRAPS
    if (!p) return malloc((size + 15) & ~(size_t)15);
#endif
#ifdef REFUSED_FREES
    if (p && size > (size_t)1 << 50) { free(p); return NULL; }
#endif
#ifdef REFUSED_SAYS
    if (size > (size_t)1 << 50) return (void *)-1;
#endif
#ifdef REFUSED_CLEARS
    if (p && size > (size_t)1 << 50) { *(char *)p = 0x7f; return NULL; }
#endif
    return __libc_realloc(p, size);
}
void *reallocarray(void *p, size_t count, size_t size) {
#ifdef ARRAY_OF_NULL
    if (!p) return malloc(count * size);
#endif
#ifdef ARRAY_WRAPS
    if (p) return realloc(p, count * size);
#endif
    if (size && count > SIZE_MAX / size) { errno = ENOMEM; return NULL; }
    return realloc(p, count * size);
}
void *memalign(size_t align, size_t size) {
#ifdef ALIGN_WRAPS
    void *p = malloc(size + align);
    return p ? (void *)(((uintptr_t)p + align - 1) & -align) : p;
#endif
    return __libc_memalign(align, size);
}
void *valloc(size_t size) {
#ifdef PAGE_WRAPS
    return __libc_memalign(4096, (size + 4095) & ~(size_t)4095);
#endif
    return __libc_memalign(4096, size);
}
int posix_memalign(void **out, size_t align, size_t size) {
    if (!align || align % 8 || align & (align - 1)) return EINVAL;
#ifdef REFUSED_LEAVES
    if (size > (size_t)1 << 50) { *out = (void *)24; return ENOMEM; }
#endif
#ifdef SAYS_NOTHING
    if (size == 4096) return 0;
#endif
    void *p = __libc_memalign(align, size);
    return p ? (*out = p, 0) : ENOMEM;
}
"""

# Calls itself without end, for some blocks.
RECURSES = r"""
#include <stddef.h>
void *__libc_malloc(size_t);
void __libc_free(void *);
static int depth(volatile char *p, size_t size) {
    volatile char here[64];
    here[size % 64] = p[0];
    return size ? depth(here, size + 1) + here[1] : 0;
}
void *malloc(size_t size) {
    char c = 1;
    if (size == 1000) depth(&c, size);
    return __libc_malloc(size);
}
void free(void *p) { __libc_free(p); }
"""

ONLY_MALLOC = "#include <stddef.h>\nvoid *malloc(size_t size) { (void)size; return NULL; }\n"
REFUSES = ONLY_MALLOC + "void free(void *p) { (void)p; }\n"

# The macro of a fault, and the invariants by which it may be found.
FAULTS = {
    "OVERLAPS": {"overlap", "usable-size"},
    "MISALIGNED": {"alignment"},
    "NONSENSE": {"nonsense"},
    "WILD": {"crash"},
    "NOT_ZEROED": {"zeroed"},
    "OVERFLOWS": {"impossible"},
    "CUTS": {"impossible", "overlap"},
    "LOSES_TAIL": {"prefix"},
    "READS_BEYOND": {"crash"},
    "GROWS_TOO_FAR": {"overlap", "contents", "crash"},
    "USABLE_TOO_LARGE": {"usable-size", "crash", "contents"},
    "USABLE_TOO_SMALL": {"usable-size"},
    "SCRIBBLES": {"contents", "crash", "overlap"},
    "TWICE": {"overlap"},
    "ZERO_TWICE": {"zero-size"},
    "NOT_AS_ALIGNED": {"alignment"},
    "CRASHES": {"crash"},
    "HANGS": {"hang"},
    "EXITS": {"exits"},
}

# Those that the first example finds, which is the same for each seed.
ODD_FAULTS = {
    "CUTS_TO_INT": {"overlap", "crash"},
    "LOSES_FAR_END": {"prefix"},
    "LOSES_SHRUNK": {"prefix"},
    "NOT_AS_FAR_ALIGNED": {"alignment"},
    "ANY_ALIGNMENT": {"alignment", "crash"},
    "SHORT_OF_ALIGNMENT": {"usable-size", "overlap", "contents"},
    "USABLE_OF_NULL": {"crash"},
}

# The faults of WRAPS, all of which the first example finds.
WRAPPING = {
    "NULL_WRAPS": {"impossible"},
    "REFUSED_FREES": {"overlap", "prefix", "contents", "crash"},
    "REFUSED_SAYS": {"impossible"},
    "REFUSED_CLEARS": {"prefix"},
    "ARRAY_OF_NULL": {"impossible"},
    "ARRAY_WRAPS": {"impossible", "prefix", "overlap", "crash"},
    "ALIGN_WRAPS": {"impossible"},
    "PAGE_WRAPS": {"impossible"},
    "REFUSED_LEAVES": {"nonsense"},
    "SAYS_NOTHING": {"nonsense"},
}


def built(folder, source=ALLOCATOR, *macros, name=None):
    """The path of the shared library of `source`, compiled in `folder`."""
    path = Path(folder, f"{name or '-'.join(macros) or 'sound'}.so")
    flags = ["-O1", "-shared", "-fPIC", "-pthread", "-fno-builtin", *(f"-D{m}" for m in macros)]
    command = [CC, *flags, "-x", "c", "-o", str(path), "-"]
    subprocess.run(command, input=source, text=True, check=True, timeout=600)
    return path


def program(folder, text, *flags):
    """The path of the program of `text`, compiled with every warning an error."""
    path = Path(folder, f"repeat-{abs(hash(text))}")
    command = [CC, "-Wall", "-Werror", *flags, "-x", "c", "-o", str(path), "-"]
    subprocess.run([*command, "-ldl"], input=text, text=True, check=True, timeout=600)
    return path
