/* The limit: what the kernel takes to clone a tree, with nothing around it.
 *
 * limit LIST SOURCE DESTINATION WORKERS
 *
 * LIST has a line for each directory, "d PATH", parents first, and then one for each file, "f MODE SECONDS NANOSECONDS PATH".
 * Directories are made first; then WORKERS processes take blocks of files from a shared counter, and for each file do
 * openat, openat, FICLONE, utimensat, close, close, and nothing else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 128 };

struct file {
    const char *path;
    struct timespec mtime;
    mode_t mode;
};

static void fail(const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void clone_file(int source, int destination, const struct file *file)
{
    struct timespec times[2] = { { 0, UTIME_OMIT }, file->mtime };
    int from = openat(source, file->path, O_RDONLY | O_CLOEXEC);
    int to = openat(destination, file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
    if (from < 0 || to < 0 || ioctl(to, FICLONE, from) || futimens(to, times))
        fail(file->path);
    close(from);
    close(to);
}

static void work(int source, int destination, const struct file *files, size_t count, size_t *next)
{
    size_t start, index;
    while ((start = __atomic_fetch_add(next, BLOCK, __ATOMIC_RELAXED)) < count)
        for (index = start; index < count && index < start + BLOCK; index++)
            clone_file(source, destination, &files[index]);
}

int main(int argc, char **argv)
{
    struct stat status;
    struct file *files;
    size_t count = 0, *next;
    char *text, *line;
    int list, source, destination, worker, told, failed = 0;

    if (argc != 5)
        return 2;
    list = open(argv[1], O_RDONLY);
    source = open(argv[2], O_PATH | O_DIRECTORY);
    if (mkdir(argv[3], 0777))
        fail(argv[3]);
    destination = open(argv[3], O_PATH | O_DIRECTORY);
    if (list < 0 || source < 0 || destination < 0 || fstat(list, &status))
        fail(argv[1]);
    text = calloc(1, status.st_size + 1);
    if (!text || read(list, text, status.st_size) != status.st_size)
        fail(argv[1]);
    files = calloc(status.st_size / 8 + 1, sizeof *files);
    next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!files || next == MAP_FAILED)
        fail("memory");

    for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == 'd') {
            if (mkdirat(destination, line + 2, 0777))
                fail(line + 2);
        } else {
            char *rest;
            files[count].mode = strtoul(line + 2, &rest, 8);
            files[count].mtime.tv_sec = strtol(rest, &rest, 10);
            files[count].mtime.tv_nsec = strtol(rest, &rest, 10);
            files[count++].path = rest + 1;
        }
    }
    for (worker = 0; worker < atoi(argv[4]); worker++)
        if (fork() == 0) {
            work(source, destination, files, count, next);
            _exit(0);
        }
    while (wait(&told) > 0)
        failed |= told;
    return failed != 0;
}
