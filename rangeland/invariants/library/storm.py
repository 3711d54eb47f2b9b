"""Several threads at once, in C: compiled when it is needed, if there is a compiler.

Threads in Python take turns, and a race needs two calls at the same moment;
so what the threads do is a piece of C, which the child loads, and which is
most of the program that repeats a finding. Source: design/library.md#.sol.storm
"""

import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from rangeland.invariants.library.patterns import C as PATTERN

PATIENCE = 120

STORM = (
    """\
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum { MINE = 64, SHARED = 16, MOST = 64, GENERATIONS = 4 };
enum { ROOM = 32768, NEAR = 65536 };
struct functions {
    void *(*malloc)(size_t);
    void (*free)(void *);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    size_t (*malloc_usable_size)(void *);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
};
enum { CONTENTS = 1, ALIGNMENT, ZEROED, PREFIX, NONSENSE, USABLE, OVERLAP };
struct block { unsigned char *at; size_t size, number; };
struct thread {
    pthread_t id;
    size_t serial, state, made;
    volatile int begun, over;
    struct block mine[MINE];
};
static const struct functions *f;
static struct thread threads[MOST];
static struct block shared[SHARED];
static pthread_mutex_t locks[SHARED], lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static size_t operations, sizes;
static volatile unsigned long *progress;
static volatile int broken, stopping;
static char *message;

"""
    + PATTERN
    + """
/* A fault beside the top of the stack is that of a stack that overflows. */
static volatile unsigned long *deep;
static void faulted(int number, siginfo_t *info, void *context) {
    uintptr_t at = (uintptr_t)info->si_addr, top = 0;
#if defined __x86_64__
    top = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
#elif defined __aarch64__
    top = (uintptr_t)((ucontext_t *)context)->uc_mcontext.sp;
#endif
    if (at + NEAR >= top && at <= top + NEAR) *deep = 1;
    signal(number, SIG_DFL), raise(number);
}
static void stand_by(int serial) {
    static char rooms[MOST + 1][ROOM];
    stack_t room = {.ss_sp = rooms[serial], .ss_size = ROOM};
    sigaltstack(&room, NULL);
}
/* Note it in that word, unless the library has a handler of its own. */
void guard(volatile unsigned long *word) {
    struct sigaction act = {0}, before;
    deep = word;
    act.sa_sigaction = faulted, act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
    if (sigaction(SIGSEGV, NULL, &before) || before.sa_handler != SIG_DFL) return;
    stand_by(MOST);
    sigaction(SIGSEGV, &act, NULL);
}
static size_t chance(struct thread *t, size_t n) {
    t->state ^= t->state << 13, t->state ^= t->state >> 7, t->state ^= t->state << 17;
    return (t->state >> 11) % n;
}
static void report(int invariant, const char *what, struct block *b, size_t at) {
    pthread_mutex_lock(&lock);
    if (!broken)
        snprintf(message, 300, "%s (a block of %zu bytes at %p, byte %zu)",
                 what, b->size, (void *)b->at, at);
    if (!broken) broken = invariant;
    pthread_mutex_unlock(&lock);
}
/* Of a large block head and tail are looked at: the calls are what shall meet. */
static size_t after(size_t i, size_t size) {
    return i == 128 && size > 160 ? size - 32 : i + 1;
}
static void fill(struct block *b, size_t from) {
    for (size_t i = from; i < b->size; i++) b->at[i] = pattern(b->number, i);
}
static void expect(struct block *b, size_t size, int invariant, const char *what) {
    for (size_t i = 0; i < size; i = after(i, size))
        if (b->at[i] != pattern(b->number, i)) { report(invariant, what, b, i); return; }
}
static void make(struct thread *t, struct block *b) {
    size_t align = 16, way = chance(t, 8);
    b->size = 1 + chance(t, sizes), b->number = ++t->made * MOST + t->serial;
    if (chance(t, 4) == 0) b->size = sizes;
    if (way == 0 && f->calloc) {
        if (!(b->at = f->calloc(1, b->size))) return;
        for (size_t i = 0; i < b->size; i++)
            if (b->at[i]) report(ZEROED, "calloc gave a byte that is not 0", b, i);
    } else if (way == 1 && f->posix_memalign) {
        void *p = NULL;
        align = (size_t)16 << chance(t, 4);
        b->at = f->posix_memalign(&p, align, b->size) ? NULL : p;
    } else if (way == 2 && (f->aligned_alloc || f->memalign)) {
        align = (size_t)16 << chance(t, 4), b->size = (b->size + align - 1) & -align;
        b->at = (f->memalign && chance(t, 2)) || !f->aligned_alloc
            ? f->memalign(align, b->size) : f->aligned_alloc(align, b->size);
    } else
        b->at = f->malloc(b->size);
    if (b->at && b->size < align && way != 1) align = 1;
    if ((uintptr_t)b->at & (align - 1)) report(ALIGNMENT, "an address is not aligned", b, 0);
    if (b->at && (uintptr_t)b->at < 4096) report(NONSENSE, "an address is none", b, 0);
    if (b->at && !broken) fill(b, 0);
}
static void resize(struct thread *t, struct block *b) {
    size_t size = 1 + chance(t, sizes), kept = size < b->size ? size : b->size;
    unsigned char *at = f->reallocarray && chance(t, 4) == 0
        ? f->reallocarray(b->at, 1, size) : f->realloc(b->at, size);
    if (!at) return;
    b->at = at, b->size = size;
    expect(b, kept, PREFIX, "realloc did not keep a byte");
    if (!broken) fill(b, kept);
}
static void step(struct thread *t) {
    struct block *b = &t->mine[chance(t, MINE)];
    size_t way = chance(t, 16), other = chance(t, SHARED);
    if (way < 2) {
        struct block mine = *b;
        pthread_mutex_lock(&locks[other]);
        *b = shared[other], shared[other] = mine;
        pthread_mutex_unlock(&locks[other]);
    } else if (!b->at)
        make(t, b);
    else {
        expect(b, b->size, CONTENTS, "a byte is not as it was written");
        if (broken) return;
        if (way < 4 && f->realloc)
            resize(t, b);
        else if (way < 5 && f->malloc_usable_size) {
            size_t usable = f->malloc_usable_size(b->at);
            if (usable < b->size) report(USABLE, "the usable size is less", b, usable);
        } else {
            unsigned char *at = b->at;
            b->at = NULL;
            f->free(at);
        }
    }
}
static void *work(void *argument) {
    struct thread *t = argument;
    if (deep) stand_by(t->serial);
    pthread_barrier_wait(&barrier);
    t->begun = 1;
    for (size_t i = 0; i < operations && !broken; i++) step(t), progress[t->serial]++;
    t->over = 1;
    return NULL;
}
static struct block *nth(size_t i) {
    return i < SHARED ? &shared[i] : &threads[(i - SHARED) / MINE].mine[(i - SHARED) % MINE];
}
static int overlaps(struct block *a, struct block *b) {
    return a->at && b->at && a->at < b->at + b->size && b->at < a->at + a->size;
}
static void end(size_t count) {
    size_t all = SHARED + count * MINE;
    if (broken == CONTENTS || broken == PREFIX || broken == ZEROED)
        for (size_t i = 0; i < all; i++)
            for (size_t j = 0; j < i; j++)
                if (overlaps(nth(i), nth(j))) {
                    snprintf(message, 300, "two live blocks overlap: %zu bytes at %p, %zu at %p",
                             nth(i)->size, (void *)nth(i)->at, nth(j)->size, (void *)nth(j)->at);
                    broken = OVERLAP;
                    return;
                }
    for (size_t i = 0; i < all && !broken; i++)
        if (nth(i)->at) {
            expect(nth(i), nth(i)->size, CONTENTS, "a byte is not as it was written");
            if (!broken) f->free(nth(i)->at);
        }
}
/* A thread that is stopped anywhere, for a moment, lets others come in where
   it should have locked them out, on one processor, too. */
static void stopped(int number) {
    int kept = errno;
    struct timespec moment = {0, 20000};
    (void)number, nanosleep(&moment, NULL);
    errno = kept;
}
static void stop_some(int count, size_t chosen) {
    struct timespec moment = {0, 10000};
    for (int left = 1; left;) {
        left = 0, nanosleep(&moment, NULL);
        chosen = chosen * 6364136223846793005u + 1442695040888963407u;
        for (int i = 0; i < count; i++) left |= !threads[i].over;
        struct thread *t = &threads[(chosen >> 33) % count];
        if (t->begun && !t->over) pthread_kill(t->id, SIGURG);
    }
}
/* Threads begin when others have ended, and go on with what those had. */
static void generation(int count) {
    for (int i = 0; i < count; i++) threads[i].begun = threads[i].over = 0;
    pthread_barrier_init(&barrier, NULL, count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i].id, NULL, work, &threads[i])) abort();
    if (stopping) stop_some(count, operations + count);
    for (int i = 0; i < count; i++) pthread_join(threads[i].id, NULL);
    pthread_barrier_destroy(&barrier);
}
int storm(const struct functions *functions, int count, unsigned long each, unsigned long seed,
          volatile unsigned long *words, char *told) {
    f = functions, progress = words, message = told, broken = 0;
    operations = (each + GENERATIONS - 1) / GENERATIONS;
    sizes = (size_t[]){16, 64, 24, 256, 48, 2048}[seed % 6];
    memset(threads, 0, sizeof threads), memset(shared, 0, sizeof shared);
    for (int i = 0; i < SHARED; i++) pthread_mutex_init(&locks[i], NULL);
    for (int i = 0; i < count; i++)
        threads[i].serial = i, threads[i].state = (seed * MOST + i + 1) * 0x9E3779B97F4A7C15u;
    struct sigaction act = {0};
    act.sa_handler = stopped, act.sa_flags = SA_RESTART;
    /* Every other time they run on as they will. */
    stopping = seed % 2 == 0 && sigaction(SIGURG, &act, NULL) == 0;
    for (int i = 0; i < GENERATIONS && !broken; i++) generation(count);
    end(count);
    return broken;
}
"""
)


def compiler():
    """The path of a C compiler, or None. The environment's CC comes first."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return found
    return None


def compiled():
    """A file descriptor of the storm as a shared library, in no folder; -1 without a compiler."""
    found = compiler()
    data = _object(found) if found else None
    if data is None:
        return -1
    number = os.memfd_create("rangeland-storm")
    os.write(number, data)
    return number


@lru_cache(maxsize=2)
def _object(found):
    """The bytes of that library, by the compiler `found`, made once; None if that fails."""
    with tempfile.TemporaryDirectory(prefix="rangeland-") as folder:
        path = Path(folder, "storm.so")
        command = [found, "-O1", "-shared", "-fPIC", "-pthread", "-x", "c", "-o", path, "-"]
        try:
            subprocess.run(
                command, input=STORM.encode(), check=True, capture_output=True, timeout=PATIENCE
            )
            return path.read_bytes()
        except (OSError, subprocess.SubprocessError):
            return None
