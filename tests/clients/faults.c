/* Preloaded into a program, counts the changes that it makes to files, and makes one of them fail.

   FAULTS_COUNT  a file: 8 bytes with the number of changes so far, and for each of the first 65,536 a byte, which is 1 if it made a name
   FAULTS_AT     the number of the change that fails; without it, none does
   FAULTS_KIND   "kill": the process is killed before this change
                 "stop": it is stopped before this change, until it gets SIGCONT
                 "full": this change, and every later one that may need space, finds a full disk; a write stores its first half before
   FAULTS_SENT   if it is there, what is sent to other programs counts as a change, too */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 1 << 16 };
static struct {
    atomic_long number;
    unsigned char makes_name[MOST];
} *count;
static long fault_at;
static int fault_signal, counts_sent;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("FAULTS_COUNT"), *at = getenv("FAULTS_AT"), *kind = getenv("FAULTS_KIND");
    int fd = file ? NEXT(open)(file, O_RDWR) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        abort();
    close(fd);
    fault_at = at ? atol(at) : 0;
    fault_signal = !kind ? 0 : strcmp(kind, "kill") == 0 ? SIGKILL : strcmp(kind, "stop") == 0 ? SIGSTOP : 0;
    counts_sent = getenv("FAULTS_SENT") != NULL;
    count = mapped;
}

/* Counts a change. Returns 0 if it goes well, 1 if it is the first that fails, 2 if it is a later one. */
static int fault(int makes_name) {
    long number = count ? atomic_fetch_add(&count->number, 1) + 1 : 0;
    if (makes_name && number > 0 && number <= MOST)
        count->makes_name[number - 1] = 1;
    if (fault_at == 0 || number < fault_at)
        return 0;
    if (fault_signal) {
        if (number == fault_at)
            kill(getpid(), fault_signal);
        return 0;
    }
    return number == fault_at ? 1 : 2;
}

static int refuse(void) {
    errno = ENOSPC;
    return -1;
}

/* Neither a pipe nor a standard stream, which may be a log. */
static int is_file(int fd) {
    struct stat found;
    return fd > 2 && fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || (counts_sent && S_ISSOCK(found.st_mode)));
}

/* How much of this is written, or -1. */
static ssize_t written(int fd, size_t size) {
    int failing = is_file(fd) ? fault(0) : 0;
    return failing == 0 ? (ssize_t)size : failing == 1 && size > 1 ? (ssize_t)size / 2 : refuse();
}

#define WRITING(name, parameters, arguments) \
    ssize_t name parameters { \
        ssize_t part = written(fd, size); \
        size = (size_t)part; \
        return part < 0 ? -1 : NEXT(name) arguments; \
    }

WRITING(write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRITING(pwrite, (int fd, const void *bytes, size_t size, off_t offset), (fd, bytes, size, offset))
WRITING(send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
WRITING(pwrite64, (int fd, const void *bytes, size_t size, off64_t offset), (fd, bytes, size, offset))

/* A change that is made as a whole or not at all. */
#define CHANGING(result, name, parameters, arguments, happens) \
    result name parameters { return (happens) && fault(0) ? refuse() : NEXT(name) arguments; }

#define NAMING(name, parameters, arguments) \
    int name parameters { return fault(1) ? refuse() : NEXT(name) arguments; }

CHANGING(ssize_t, writev, (int fd, const struct iovec *parts, int number), (fd, parts, number), is_file(fd))
CHANGING(ssize_t, copy_file_range, (int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags), (in, from, out, to, size, flags), 1)
CHANGING(int, ftruncate, (int fd, off_t size), (fd, size), is_file(fd))
CHANGING(int, ftruncate64, (int fd, off64_t size), (fd, size), is_file(fd))
CHANGING(int, fallocate, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size), 1)
CHANGING(int, fallocate64, (int fd, int mode, off64_t offset, off64_t size), (fd, mode, offset, size), 1)
CHANGING(int, fsync, (int fd), (fd), 1)
CHANGING(int, fdatasync, (int fd), (fd), 1)
NAMING(mkdir, (const char *path, mode_t mode), (path, mode))
NAMING(link, (const char *from, const char *to), (from, to))
NAMING(linkat, (int in, const char *from, int out, const char *to, int flags), (in, from, out, to, flags))
NAMING(rename, (const char *from, const char *to), (from, to))

/* Needs no space. */
#define REMOVING(name, parameters, arguments) \
    int name parameters { \
        fault(0); \
        return NEXT(name) arguments; \
    }

REMOVING(unlink, (const char *path), (path))
REMOVING(unlinkat, (int in, const char *path, int flags), (in, path, flags))
REMOVING(rmdir, (const char *path), (path))

#define OPENING(name, folder, parameters, arguments) \
    int name parameters { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | __O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        return flags & O_CREAT && faccessat(folder, path, F_OK, 0) != 0 && fault(1) ? refuse() : NEXT(name) arguments; \
    }

OPENING(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, in, (int in, const char *path, int flags, ...), (in, path, flags, mode))
OPENING(openat64, in, (int in, const char *path, int flags, ...), (in, path, flags, mode))
