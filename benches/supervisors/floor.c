/* What no supervisor can beat: a bare loop of fork and exec.
 *
 *   floor MARK FILE COUNT    starts COUNT marks with a pipe each; prints the nanoseconds when it began
 *   floor MARK FILE 0        starts one mark, kills it and starts the next, 20 times over; each time it adds a line
 *                            "kill PID NANOSECONDS" to FILE before the kill
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static pid_t start(const char *mark, const char *file)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execl(mark, mark, file, "floor", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return pid;
}

int main(int argc, char **argv)
{
    struct rlimit files = {8192, 8192};
    if (argc < 4)
        return 1;
    setrlimit(RLIMIT_NOFILE, &files);
    long count = atol(argv[3]);
    printf("%lld\n", now());
    fflush(stdout);
    for (long begun = 0; begun < count; begun++)
        start(argv[1], argv[2]);
    if (count == 0) {
        FILE *file = fopen(argv[2], "a");
        pid_t pid = start(argv[1], argv[2]);
        for (int turn = 0; turn < 20 && file; turn++) {
            usleep(50000);
            fprintf(file, "kill %d %lld\n", pid, now());
            fflush(file);
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            pid = start(argv[1], argv[2]);
        }
    }
    /* The parent ends it, and what it started with it. */
    for (;;)
        pause();
}
