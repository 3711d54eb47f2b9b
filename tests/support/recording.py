"""A C allocator that never uses memory again, and writes down each call.

Compiled when a test asks. Each process writes to the file that REPLAY_LOG
names, with its number behind; the sizes of ODD do odd things.
"""

ODD = {"none": 100001, "crash": 100002, "exit": 100003, "sleep": 100004, "abort": 100005}
ODD |= {"spin": 100006, "wait": 100007, "doze": 100008}

ALLOCATOR = r"""
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static char *next;

static void note(const char *format, ...) {
    static int file = -1;
    char line[200];
    if (file < 0) {
        if (!getenv("REPLAY_LOG")) return;
        snprintf(line, sizeof line, "%s.%d", getenv("REPLAY_LOG"), getpid());
        file = open(line, O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (write(file, line, length) != length) _exit(9);
}

static void *carve(size_t align, size_t size) {
    if (!next) next = mmap(0, 1UL << 32, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (size == 100001) return NULL;
    if (size == 100002) raise(SIGSEGV);
    if (size == 100003) { fputs("\033leaving\n", stderr); _exit(3); }
    if (size == 100004) { note("sleeps\n"); sleep(60); }
    if (size == 100005) raise(SIGKILL);
    if (size == 100006) for (;;) ;
    if (size == 100007) for (;;) pause();
    if (size == 100008) usleep(200000);
    char *at = (char *)(((uintptr_t)next + 8 + align - 1) & -align);
    ((size_t *)at)[-1] = size;
    next = at + size;
    return at;
}

void *malloc(size_t size) {
    void *p = carve(8, size);
    note("m %zu %zu\n", size, (size_t)p);
    return p;
}

void free(void *p) { note("f %zu\n", (size_t)p); }

void *realloc(void *p, size_t size) {
    void *q = carve(8, size);
    if (q && p) memcpy(q, p, ((size_t *)p)[-1] < size ? ((size_t *)p)[-1] : size);
    note("r %zu %zu %zu\n", (size_t)p, size, (size_t)q);
    return q;
}

int posix_memalign(void **p, size_t align, size_t size) {
    *p = carve(align, size);
    note("a %zu %zu %zu\n", align, size, (size_t)*p);
    return *p ? 0 : 12;
}
"""
