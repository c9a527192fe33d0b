/* Preloaded into a process: counts what it does to the files of one folder, and at the n-th
 * operation kills the process, fails the operation or writes half of it. It can also write down
 * every operation with its bytes, from which the state of a disk after a power cut is made.
 *
 * FAULTSHIM_FOLDER   the folder it looks at, an absolute path
 * FAULTSHIM_CONTROL  a file of eight 64-bit words in the machine's byte order, the struct below
 * FAULTSHIM_LOG      where operations are written down
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL_BEFORE = 1, KILL_AFTER, FAIL_EIO, FAIL_ENOSPC, SHORT, SHORT_THEN_KILL, SHORT_THEN_ENOSPC };
enum { CREATE = 'C', WRITE = 'W', TRUNCATE = 'T', RENAME = 'R', UNLINK = 'U', SYNC = 'S', FOLDER = 'M', RESERVE = 'F' };

static volatile struct { int64_t armed, count, at, how, times, record, unused[2]; } *control;
static char folder[PATH_MAX];
static size_t folder_length;
static int log_fd = -1;

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    const char *where = getenv("FAULTSHIM_FOLDER"), *page = getenv("FAULTSHIM_CONTROL");
    const char *log = getenv("FAULTSHIM_LOG");
    if (!where || !page) return;
    snprintf(folder, sizeof folder, "%s", where);
    folder_length = strlen(folder);
    int fd = syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC, 0);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(0, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) syscall(SYS_close, fd);
    if (mapped != MAP_FAILED) control = mapped;
    if (log) log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
}

static int inside(const char *path)
{
    return control && control->armed && !strncmp(path, folder, folder_length);
}

static int inside_fd(int fd, char *path)
{
    if (!control || !control->armed) return 0;
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return inside(path);
}

/* kind, length of the path, offset, length of the data; then path and data. */
static void record(char kind, const char *path, int64_t offset, const void *data, int64_t length)
{
    if (!control->record || log_fd < 0) return;
    struct { int64_t kind, path_length, offset, length; } head = { kind, strlen(path), offset, length };
    struct iovec parts[] = {
        { &head, sizeof head }, { (void *)path, strlen(path) }, { (void *)data, data ? length : 0 },
    };
    if (syscall(SYS_writev, log_fd, parts, 3) < 0) abort();
}

static void end(void) { syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); for (;;) pause(); }

/* What is to happen to this operation: 0 it goes its way, otherwise how it is hurt. */
static int turn(void)
{
    int64_t number = ++control->count, past = number - control->at;
    if (!control->at || past < 0) return 0;
    int how = (int)control->how;
    switch (how) {
    case FAIL_EIO: case FAIL_ENOSPC: return past < control->times ? how : 0;
    case SHORT_THEN_ENOSPC: return !past ? how : past <= control->times ? FAIL_ENOSPC : 0;
    default: if (past) return 0;
    }
    if (how == KILL_BEFORE) end();
    return how;
}

static int fails(int how)
{
    if (how != FAIL_EIO && how != FAIL_ENOSPC) return 0;
    errno = how == FAIL_EIO ? EIO : ENOSPC;
    return 1;
}

static void after(int how) { if (how == KILL_AFTER || how == SHORT_THEN_KILL) end(); }

#define SIMPLE(kind, path, offset, call) do { \
    int how = turn(), result; \
    if (fails(how)) return -1; \
    result = call; \
    if (!result) record(kind, path, offset, 0, 0); \
    after(how); \
    return result; \
} while (0)

static ssize_t written(int fd, const void *data, size_t size, int64_t offset)
{
    char path[PATH_MAX];
    if (!inside_fd(fd, path)) return offset < 0 ? syscall(SYS_write, fd, data, size) : syscall(SYS_pwrite64, fd, data, size, offset);
    int how = turn();
    if (fails(how)) return -1;
    if (how >= SHORT && size > 1) size /= 2;
    int64_t place = offset < 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : offset;
    ssize_t done = syscall(SYS_pwrite64, fd, data, size, place);
    if (done > 0 && offset < 0) syscall(SYS_lseek, fd, place + done, SEEK_SET);
    if (done > 0) record(WRITE, path, place, data, done);
    after(how);
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return written(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return written(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return written(fd, data, size, offset); }

static int synced(int fd, int number)
{
    char path[PATH_MAX];
    if (!inside_fd(fd, path)) return syscall(number, fd);
    SIMPLE(SYNC, path, 0, syscall(number, fd));
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int cut(int fd, int64_t length)
{
    char path[PATH_MAX];
    if (!inside_fd(fd, path)) return syscall(SYS_ftruncate, fd, length);
    SIMPLE(TRUNCATE, path, length, syscall(SYS_ftruncate, fd, length));
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (!inside(from)) return real(from, to);
    int how = turn(), result;
    if (fails(how)) return -1;
    result = real(from, to);
    if (!result) record(RENAME, from, 0, to, strlen(to));
    after(how);
    return result;
}

int unlink(const char *path)
{
    REAL(unlink);
    if (!inside(path)) return real(path);
    SIMPLE(UNLINK, path, 0, real(path));
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    if (!inside(path)) return real(path, mode);
    SIMPLE(FOLDER, path, 0, real(path, mode));
}

static int reserved(int fd, int64_t offset, int64_t length)
{
    char path[PATH_MAX];
    int how = 0;
    int is_inside = inside_fd(fd, path);
    if (is_inside && fails(how = turn())) return errno; /* this one returns its error */
    int result = syscall(SYS_fallocate, fd, 0, offset, length) ? errno : 0;
    if (is_inside && !result) record(RESERVE, path, offset + length, 0, 0);
    if (is_inside) after(how);
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t length) { return reserved(fd, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return reserved(fd, offset, length); }

static int opened(const char *path, int flags, mode_t mode)
{
    /* An opening counts where it makes a name or empties a file. */
    struct stat known;
    int is_there = !(flags & (O_CREAT | O_TRUNC)) || !inside(path) || !stat(path, &known);
    int empties = is_there && flags & O_TRUNC && inside(path);
    if (is_there && !empties) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    int how = turn();
    if (fails(how)) return -1;
    int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0) record(empties ? TRUNCATE : CREATE, path, 0, 0, 0);
    after(how);
    return fd;
}

#define OPEN(name) int name(const char *path, int flags, ...) \
{ \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more); \
    return opened(path, flags, mode); \
}
OPEN(open)
OPEN(open64)
