/* A service that supervisors are measured with. It says when it runs, and then waits for a signal.
 *
 *   mark FILE NAME         adds the line "NAME PID NANOSECONDS" (of the monotonic clock) to FILE, and waits
 *   mark FILE NAME once    the same without waiting
 *   mark FILE NAME COUNT   writes COUNT lines of 100 bytes to stdout before it adds its line, and waits
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char block[64000];

static int flood(long lines)
{
    memset(block, 'x', sizeof block);
    for (size_t end = 99; end < sizeof block; end += 100)
        block[end] = '\n';
    for (long left = lines * 100; left > 0;) {
        ssize_t count = write(1, block, left < (long)sizeof block ? (size_t)left : sizeof block);
        if (count <= 0)
            return 1;
        left -= count;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct timespec now;
    char line[128];
    int once = argc > 3 && strcmp(argv[3], "once") == 0;
    if (argc < 3 || (argc > 3 && !once && flood(atol(argv[3]))))
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int size = snprintf(line, sizeof line, "%s %d %lld\n", argv[2], getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
    int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file < 0 || write(file, line, (size_t)size) != size)
        return 1;
    close(file);
    while (!once)
        pause();
    return 0;
}
