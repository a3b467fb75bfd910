/* The clock of the account and of its functions, later by the seconds in the file that ACCOUNT_CLOCK names.
 * Preloaded (ld.so(8)) with --movable-clock; what waits goes by the monotonic clock, which is left as it is. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t nothing, *offset = &nothing;

__attribute__((constructor)) static void find_offset(void) {
    const char *name = getenv("ACCOUNT_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) offset = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += *offset;
    return failed;
}

/* Python before 3.11 waits for locks until a time of day. */
int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    struct timespec real = {until->tv_sec - *offset, until->tv_nsec};
    return sem_clockwait(semaphore, CLOCK_REALTIME, &real);
}
