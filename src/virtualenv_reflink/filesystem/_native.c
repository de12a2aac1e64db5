/* The native core: files are placed and looked at, and trees deleted, by threads that never touch Python; files are found
 * on disk, and directories measured.
 *
 * `Placing` takes files by directory and places them while Python goes on; native.py says what it promises. A thread
 * takes one directory at a time, since the kernel lets only one of them change a directory anyway. The first failure
 * stops all of them, and nothing is left of the file that failed.
 *
 * The threads block all signals, which are for the thread that runs Python.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* close_range(2) of Linux 5.9, which the headers that wheels are built with do not know */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

enum {
    /* native.py takes no other; a change of what Python sees is a new one */
    INTERFACE = 6,
    MOST_THREADS = 4,
    /* an interrupt waits for no more than this */
    COPIED_AT_ONCE = 16 << 20,
    BUFFER = 1 << 16,
    /* nearly all files have one */
    EXTENTS_AT_ONCE = 16,
    /* the unit of st_blocks, stat(2) */
    BLOCK = 512,
    /* about half a millisecond of work, for which a thread is not worth starting */
    LOOKED_AT_ONCE = 256,
};

/* Threads ---------------------------------------------------------------------------------------------------------- */

struct crew {
    pthread_t threads[MOST_THREADS];
    int number;
    /* whose threads they are: a forked child has none of them, and maybe a lock that nobody leaves */
    pid_t process;
};

/* Have so many threads, or as many as there can be. */
static int grow(struct crew *crew, int number, void *(*work)(void *), void *argument)
{
    sigset_t all, before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (crew->number < number && crew->number < MOST_THREADS) {
        error = pthread_create(&crew->threads[crew->number], NULL, work, argument);
        if (error)
            break;
        crew->number++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* Start up to `number` threads; fewer are no error, none is. */
static int start(struct crew *crew, int number, void *(*work)(void *), void *argument)
{
    int error;

    crew->number = 0;
    crew->process = getpid();
    error = grow(crew, number, work, argument);
    return crew->number ? 0 : error ? error : EAGAIN;
}

static void join(struct crew *crew)
{
    while (crew->number > 0)
        pthread_join(crew->threads[--crew->number], NULL);
}

static void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct timespec after(double seconds)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += (time_t)seconds;
    moment.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    return moment;
}

/* One file --------------------------------------------------------------------------------------------------------- */

/* native.py has the same numbers */
enum operation { CLONE, LINK, COPY };

/* What is at fault. REFUSED: the kernel does not do this here, and a copy will do. CANCELLED: nobody wants it now.
 * native.py has the same numbers. */
enum fault { NONE, SOURCE, SIZE, TARGET, REFUSED, CANCELLED };

struct result {
    enum fault fault;
    int error;
    int64_t size;
};

/* One that is kept is to be as its source is. */
struct file {
    char *name;
    mode_t mode;
    int64_t size;
    bool dated, kept;
};

/* Two open directories, and what files made in the second one get. */
struct places {
    int source, target;
    mode_t umask;
    struct timespec mtime;
    atomic_bool *stopped;
};

static const struct result done = { NONE, 0, 0 };

static struct result failed(enum fault fault, int error)
{
    return (struct result){ fault, error, 0 };
}

static bool is_one_of(int error, const int *errors)
{
    for (; *errors; errors++)
        if (*errors == error)
            return true;
    return false;
}

/* Compare the size of a source with the one it should have. */
static struct result check_size(int64_t found, int64_t expected)
{
    return expected < 0 || found == expected ? done : (struct result){ SIZE, EIO, found };
}

static struct result check_size_of(int from, int64_t expected)
{
    struct stat status;
    if (fstat(from, &status))
        return failed(SOURCE, errno);
    return check_size(status.st_size, expected);
}

/* Share the data of one file with another, ioctl_ficlonerange(2). */
static struct result share(int from, int to, int64_t size)
{
    static const int refusals[] = { EOPNOTSUPP, ENOTTY, EXDEV, EINVAL, ENOSYS, EPERM, 0 };
    /* the kernel takes a length of 0 for "to the end", and refuses one that ends elsewhere within a block */
    struct file_clone_range range = { from, 0, size > 0 ? (uint64_t)size : 0, 0 };
    struct result result;
    int error;

    if (size == 0)
        return check_size_of(from, 0);
    if (!ioctl(to, FICLONERANGE, &range))
        return done;
    error = errno;
    if (error == EINVAL && (result = check_size_of(from, size)).fault)
        return result;
    return failed(is_one_of(error, refusals) ? REFUSED : TARGET, error);
}

static ssize_t write_all(int to, const char *data, ssize_t count)
{
    ssize_t written = 0;
    while (written < count) {
        ssize_t part = write(to, data + written, (size_t)(count - written));
        if (part < 0)
            return -1;
        written += part;
    }
    return written;
}

/* Copy some bytes by one of two means; return how many, or -1. */
static ssize_t copy_some(int from, int to, bool *in_kernel)
{
    static const int unsupported[] = { EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EBADF, 0 };
    char buffer[BUFFER];
    ssize_t count;

    if (*in_kernel) {
        count = copy_file_range(from, NULL, to, NULL, COPIED_AT_ONCE, 0);
        if (count >= 0 || !is_one_of(errno, unsupported))
            return count;
        *in_kernel = false;
    }
    count = read(from, buffer, sizeof buffer);
    return count > 0 ? write_all(to, buffer, count) : count;
}

static struct result copy_data(int from, int to, int64_t size, atomic_bool *stopped)
{
    bool in_kernel = true;
    int64_t copied = 0;
    ssize_t count;

    while ((count = copy_some(from, to, &in_kernel)) > 0) {
        copied += count;
        if (atomic_load(stopped))
            return failed(CANCELLED, 0);
    }
    return count < 0 ? failed(TARGET, errno) : check_size(copied, size);
}

/* Set the executable bits that the umask took, as pip does, or all that a new file lacks of a kept one; and the mtime. */
static struct result set_attributes(int to, const struct file *file, const struct places *places)
{
    struct timespec times[2] = { places->mtime, places->mtime };
    if (!file->kept && (file->mode & 0111) && (places->umask & 0111) && fchmod(to, (file->mode & ~places->umask) | 0111))
        return failed(TARGET, errno);
    if (file->kept && (file->mode & (places->umask | 07000)) && fchmod(to, file->mode))
        return failed(TARGET, errno);
    if (file->dated && futimens(to, times))
        return failed(TARGET, errno);
    return done;
}

static struct result fill(int from, enum operation operation, const struct file *file, const struct places *places)
{
    struct result result;
    int to = openat(places->target, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
    if (to < 0)
        return failed(TARGET, errno);
    result = operation == CLONE ? share(from, to, file->size) : copy_data(from, to, file->size, places->stopped);
    if (!result.fault)
        result = set_attributes(to, file, places);
    if (close(to) && !result.fault)
        result = failed(TARGET, errno);
    if (result.fault)
        unlinkat(places->target, file->name, 0);
    return result;
}

static struct result fill_kept(int from, enum operation operation, const struct file *file, const struct places *places)
{
    struct file kept = *file;
    struct places as_source = *places;
    struct stat status;

    if (fstat(from, &status))
        return failed(SOURCE, errno);
    kept.mode = status.st_mode & 07777;
    as_source.mtime = status.st_mtim;
    return fill(from, operation, &kept, &as_source);
}

static struct result duplicate(enum operation operation, const struct file *file, const struct places *places)
{
    struct result result;
    struct stat status;
    /* a named pipe in its place is not waited for */
    int from = openat(places->source, file->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (from < 0)
        return file->kept && errno == ENOENT ? done : failed(SOURCE, errno);
    result = file->kept ? fill_kept(from, operation, file, places) : fill(from, operation, file, places);
    if (result.fault && !fstat(from, &status) && !S_ISREG(status.st_mode))
        result = failed(SOURCE, EIO);
    close(from);
    return result;
}

static struct result make_link(const struct file *file, const struct places *places)
{
    static const int refusals[] = { EMLINK, EXDEV, EPERM, 0 };
    int error;

    if (!linkat(places->source, file->name, places->target, file->name, 0))
        return done;
    error = errno;
    if (error == ENOENT && faccessat(places->source, file->name, F_OK, AT_SYMLINK_NOFOLLOW))
        return failed(SOURCE, error);
    return failed(is_one_of(error, refusals) ? REFUSED : TARGET, error);
}

/* Directories of files, placed by threads -------------------------------------------------------------------------- */

struct batch {
    struct batch *next;
    enum operation operation;
    struct timespec mtime;
    char *source, *target, *names;
    size_t number;
    struct file files[];
};

struct failure {
    struct result result;
    int64_t expected;
    char *directory, *name;
};

struct placing {
    struct crew crew;
    pthread_mutex_t lock;
    pthread_cond_t wanted, idle;
    mode_t umask;
    int threads;
    atomic_bool stopped;
    /* all that follows is for who holds the lock */
    struct batch *first, **last;
    int busy;
    size_t placed, refusals;
    int refusal;
    struct failure failure;
};

static void free_batch(struct batch *batch)
{
    free(batch->source);
    free(batch->target);
    free(batch->names);
    free(batch);
}

static void fail(struct placing *placing, struct result result, const struct batch *batch, const struct file *file)
{
    atomic_store(&placing->stopped, true);
    if (result.fault == CANCELLED)
        return;
    pthread_mutex_lock(&placing->lock);
    if (!placing->failure.result.fault) {
        placing->failure.result = result;
        placing->failure.expected = file->size;
        placing->failure.directory = strdup(result.fault == TARGET ? batch->target : batch->source);
        placing->failure.name = strdup(file->name);
    }
    pthread_mutex_unlock(&placing->lock);
}

static struct result place_file(const struct batch *batch, const struct file *file, const struct places *places,
                                int *refusal)
{
    struct result result =
        batch->operation == LINK ? make_link(file, places) : duplicate(batch->operation, file, places);
    if (result.fault != REFUSED)
        return result;
    *refusal = result.error;
    return duplicate(COPY, file, places);
}

static void place_files(struct placing *placing, const struct batch *batch, const struct places *places)
{
    size_t index, refusals = 0;
    int refusal, last = 0;

    for (index = 0; index < batch->number && !atomic_load(&placing->stopped); index++) {
        struct result result;
        refusal = 0;
        result = place_file(batch, &batch->files[index], places, &refusal);
        if (result.fault) {
            fail(placing, result, batch, &batch->files[index]);
            break;
        }
        if (refusal) {
            refusals++;
            last = refusal;
        }
    }
    pthread_mutex_lock(&placing->lock);
    placing->placed += index;
    placing->refusals += refusals;
    if (refusals)
        placing->refusal = last;
    pthread_mutex_unlock(&placing->lock);
}

static void place_batch(struct placing *placing, const struct batch *batch)
{
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    struct places places = { open(batch->source, flags), -1, placing->umask, batch->mtime, &placing->stopped };

    if (places.source < 0) {
        fail(placing, failed(SOURCE, errno), batch, &batch->files[0]);
        return;
    }
    places.target = open(batch->target, flags);
    if (places.target < 0)
        fail(placing, failed(TARGET, errno), batch, &batch->files[0]);
    else {
        place_files(placing, batch, &places);
        close(places.target);
    }
    close(places.source);
}

static struct batch *next_batch(struct placing *placing)
{
    struct batch *batch;
    while (!placing->first && !atomic_load(&placing->stopped))
        pthread_cond_wait(&placing->wanted, &placing->lock);
    batch = placing->first;
    if (!batch || atomic_load(&placing->stopped))
        return NULL;
    placing->first = batch->next;
    if (!placing->first)
        placing->last = &placing->first;
    return batch;
}

/* Threads that share a table of open files wait for each other at every open(2) and close(2), which on two processors
 * costs as much as the second thread brings. Where the kernel cannot give this one a table of its own, it shares. */
static void use_own_files(void)
{
    syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, CLOSE_RANGE_UNSHARE);
}

static bool is_over(struct placing *placing)
{
    return !placing->busy && (!placing->first || atomic_load(&placing->stopped));
}

static void *place_batches(void *argument)
{
    struct placing *placing = argument;
    struct batch *batch;

    use_own_files();
    pthread_mutex_lock(&placing->lock);
    while ((batch = next_batch(placing))) {
        placing->busy++;
        pthread_mutex_unlock(&placing->lock);
        place_batch(placing, batch);
        free_batch(batch);
        pthread_mutex_lock(&placing->lock);
        placing->busy--;
        if (is_over(placing))
            pthread_cond_signal(&placing->idle);
    }
    pthread_mutex_unlock(&placing->lock);
    return NULL;
}

static void submit(struct placing *placing, struct batch *batch)
{
    pthread_mutex_lock(&placing->lock);
    *placing->last = batch;
    placing->last = &batch->next;
    pthread_cond_signal(&placing->wanted);
    pthread_mutex_unlock(&placing->lock);
}

/* Wait until nothing is left to do or so many seconds are over; return whether nothing is. Who waits leaves a processor
 * to the last thread. */
static bool wait_for(struct placing *placing, double seconds)
{
    struct timespec until = after(seconds);
    bool over;

    pthread_mutex_lock(&placing->lock);
    if (!is_over(placing) && !atomic_load(&placing->stopped))
        grow(&placing->crew, placing->threads, place_batches, placing);
    for (;;) {
        over = is_over(placing);
        if (over || pthread_cond_timedwait(&placing->idle, &placing->lock, &until))
            break;
    }
    pthread_mutex_unlock(&placing->lock);
    return over;
}

static void stop(struct placing *placing)
{
    struct crew crew;

    pthread_mutex_lock(&placing->lock);
    atomic_store(&placing->stopped, true);
    crew = placing->crew;
    placing->crew.number = 0;
    pthread_cond_broadcast(&placing->wanted);
    pthread_mutex_unlock(&placing->lock);
    join(&crew);
}

/* A tree, deleted by threads --------------------------------------------------------------------------------------- */

/* A directory to delete, once all below it is gone; `left` counts the directories in it, and itself until it is read. */
struct directory {
    struct directory *parent, *next, *previous;
    int fd;
    size_t left;
    char name[];
};

/* The directories to read are in a list that threads use as two stacks, each thread at one end: those that were made one
   after the other lie side by side in the tree of a btrfs, of which the kernel lets one thread at a time change a part. */
struct deleting {
    struct crew crew;
    pthread_mutex_t lock;
    pthread_cond_t wanted, idle;
    atomic_bool stopped;
    /* all that follows is for who holds the lock; `open` counts the directories that are not gone */
    struct directory *first, *last;
    size_t open;
    bool at_end;
};

/* As getdents64(2) has it; the C library has no declaration of it. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

enum { IS_UNKNOWN = 0, IS_DIRECTORY = 4 };

static struct directory *new_directory(struct directory *parent, const char *name)
{
    struct directory *directory = malloc(sizeof *directory + strlen(name) + 1);
    if (directory) {
        *directory = (struct directory){ .parent = parent, .fd = -1, .left = 1 };
        strcpy(directory->name, name);
    }
    return directory;
}

static void push(struct deleting *deleting, struct directory *directory, bool at_end)
{
    pthread_mutex_lock(&deleting->lock);
    directory->previous = at_end ? deleting->last : NULL;
    directory->next = at_end ? NULL : deleting->first;
    *(directory->previous ? &directory->previous->next : &deleting->first) = directory;
    *(directory->next ? &directory->next->previous : &deleting->last) = directory;
    deleting->open++;
    if (directory->parent)
        directory->parent->left++;
    pthread_cond_signal(&deleting->wanted);
    pthread_mutex_unlock(&deleting->lock);
}

/* Wait for a directory to read; return NULL once all are gone. */
static struct directory *pop(struct deleting *deleting, bool at_end)
{
    struct directory *directory;

    pthread_mutex_lock(&deleting->lock);
    while (!deleting->first && deleting->open)
        pthread_cond_wait(&deleting->wanted, &deleting->lock);
    directory = at_end ? deleting->last : deleting->first;
    if (directory) {
        *(directory->previous ? &directory->previous->next : &deleting->first) = directory->next;
        *(directory->next ? &directory->next->previous : &deleting->last) = directory->previous;
    }
    pthread_mutex_unlock(&deleting->lock);
    return directory;
}

static bool is_directory(int fd, const struct entry *entry)
{
    struct stat status;
    if (entry->type != IS_UNKNOWN)
        return entry->type == IS_DIRECTORY;
    return !fstatat(fd, entry->name, &status, AT_SYMLINK_NOFOLLOW) && S_ISDIR(status.st_mode);
}

static bool delete_entry(struct deleting *deleting, struct directory *directory, const struct entry *entry, bool at_end)
{
    struct directory *child;
    if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
        return true;
    if (!is_directory(directory->fd, entry))
        return !unlinkat(directory->fd, entry->name, 0) || errno == ENOENT;
    child = new_directory(directory, entry->name);
    if (child)
        push(deleting, child, at_end);
    return child;
}

static bool delete_entries(struct deleting *deleting, struct directory *directory, bool at_end)
{
    _Alignas(struct entry) char buffer[BUFFER];
    long count, place;

    directory->fd = openat(directory->parent ? directory->parent->fd : AT_FDCWD, directory->name,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory->fd < 0)
        return false;
    while ((count = syscall(SYS_getdents64, directory->fd, buffer, sizeof buffer)) > 0)
        for (place = 0; place < count;) {
            const struct entry *entry = (const struct entry *)(buffer + place);
            if (atomic_load(&deleting->stopped) || !delete_entry(deleting, directory, entry, at_end))
                return false;
            place += entry->length;
        }
    return count == 0;
}

/* A directory has been read, or one in it is gone: delete it if it is empty now, and go on with the one above it. */
static void leave(struct deleting *deleting, struct directory *directory)
{
    while (directory) {
        struct directory *parent = directory->parent;
        pthread_mutex_lock(&deleting->lock);
        if (--directory->left) {
            pthread_mutex_unlock(&deleting->lock);
            return;
        }
        pthread_mutex_unlock(&deleting->lock);
        if (directory->fd >= 0)
            close(directory->fd);
        if (!atomic_load(&deleting->stopped) &&
            unlinkat(parent ? parent->fd : AT_FDCWD, directory->name, AT_REMOVEDIR) && errno != ENOENT)
            atomic_store(&deleting->stopped, true);
        free(directory);
        pthread_mutex_lock(&deleting->lock);
        if (!--deleting->open) {
            pthread_cond_broadcast(&deleting->wanted);
            pthread_cond_signal(&deleting->idle);
        }
        pthread_mutex_unlock(&deleting->lock);
        directory = parent;
    }
}

static void *delete_directories(void *argument)
{
    struct deleting *deleting = argument;
    struct directory *directory;
    bool at_end;

    pthread_mutex_lock(&deleting->lock);
    at_end = deleting->at_end = !deleting->at_end;
    pthread_mutex_unlock(&deleting->lock);
    while ((directory = pop(deleting, at_end))) {
        if (!atomic_load(&deleting->stopped) && !delete_entries(deleting, directory, at_end))
            atomic_store(&deleting->stopped, true);
        leave(deleting, directory);
    }
    return NULL;
}

static bool wait_for_deleting(struct deleting *deleting, double seconds)
{
    struct timespec until = after(seconds);
    bool over;

    pthread_mutex_lock(&deleting->lock);
    while ((over = !deleting->open) == false)
        if (pthread_cond_timedwait(&deleting->idle, &deleting->lock, &until))
            break;
    pthread_mutex_unlock(&deleting->lock);
    return over;
}

/* Where a file lies on disk ---------------------------------------------------------------------------------------- */

/* `rows` has a struct fiemap_extent for each extent; it is NULL if there is none. */
struct map {
    char *path, *rows;
    size_t length;
    bool known;
};

static bool add_extents(struct map *map, const struct fiemap_extent *extents, unsigned int number)
{
    size_t length = number * sizeof *extents;
    char *rows = realloc(map->rows, map->length + length);
    if (!rows)
        return false;
    memcpy(rows + map->length, extents, length);
    map->rows = rows;
    map->length += length;
    return true;
}

static bool read_extents(int fd, struct map *map)
{
    _Alignas(struct fiemap) char room[sizeof(struct fiemap) + EXTENTS_AT_ONCE * sizeof(struct fiemap_extent)];
    struct fiemap *part = (struct fiemap *)room;
    const struct fiemap_extent *last;
    uint64_t place = 0;

    do {
        memset(part, 0, sizeof *part);
        part->fm_start = place;
        part->fm_length = FIEMAP_MAX_OFFSET - place;
        part->fm_flags = FIEMAP_FLAG_SYNC;
        part->fm_extent_count = EXTENTS_AT_ONCE;
        if (ioctl(fd, FS_IOC_FIEMAP, part))
            return false;
        if (!part->fm_mapped_extents)
            return true;
        if (!add_extents(map, part->fm_extents, part->fm_mapped_extents))
            return false;
        last = &part->fm_extents[part->fm_mapped_extents - 1];
        place = last->fe_logical + last->fe_length;
    } while (!(last->fe_flags & FIEMAP_EXTENT_LAST));
    return true;
}

static void find(struct map *map)
{
    int fd = open(map->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    map->known = read_extents(fd, map);
    close(fd);
}

/* What a directory holds on disk ----------------------------------------------------------------------------------- */

struct linked {
    uint64_t device, inode;
    int64_t bytes;
};

struct unread {
    struct unread *next;
    char path[];
};

/* `linked` has the files with hard links, and `bytes` those of all else; `unread` are the directories still to read. */
struct usage {
    struct unread *unread;
    struct linked *linked;
    size_t number, room;
    int64_t bytes;
};

static bool add_unread(struct usage *usage, const char *directory, const char *name)
{
    struct unread *unread = malloc(sizeof *unread + strlen(directory) + strlen(name) + 2);
    if (!unread)
        return false;
    strcat(strcat(strcpy(unread->path, directory), "/"), name);
    unread->next = usage->unread;
    usage->unread = unread;
    return true;
}

static bool add_linked(struct usage *usage, const struct stat *status)
{
    if (usage->number == usage->room) {
        size_t room = usage->room * 2 + 64;
        struct linked *linked = realloc(usage->linked, room * sizeof *linked);
        if (!linked)
            return false;
        usage->linked = linked;
        usage->room = room;
    }
    usage->linked[usage->number++] =
        (struct linked){ status->st_dev, status->st_ino, (int64_t)status->st_blocks * BLOCK };
    return true;
}

/* What vanishes meanwhile takes nothing; only a lack of memory is a failure. */
static bool measure_entry(struct usage *usage, int fd, const char *directory, const char *name)
{
    struct stat status;
    if (!strcmp(name, ".") || !strcmp(name, "..") || fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW))
        return true;
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1)
        return add_linked(usage, &status);
    usage->bytes += (int64_t)status.st_blocks * BLOCK;
    return !S_ISDIR(status.st_mode) || add_unread(usage, directory, name);
}

static bool measure_entries(struct usage *usage, const char *path)
{
    _Alignas(struct entry) char buffer[BUFFER];
    long count, place;
    bool room = true;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return true;
    while (room && (count = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
        for (place = 0; room && place < count;) {
            const struct entry *entry = (const struct entry *)(buffer + place);
            room = measure_entry(usage, fd, path, entry->name);
            place += entry->length;
        }
    close(fd);
    return room;
}

static bool measure(struct usage *usage, const char *path)
{
    bool room = measure_entries(usage, path);
    while (usage->unread) {
        struct unread *unread = usage->unread;
        usage->unread = unread->next;
        room = room && measure_entries(usage, unread->path);
        free(unread);
    }
    return room;
}

/* What the kernel tells of files ----------------------------------------------------------------------------------- */

/* native.py has the same columns */
struct status {
    int64_t inode, size, mtime, mode, ctime, links;
};

/* `encoded` is the Python object that holds the path. */
struct look {
    PyObject *encoded;
    const char *path;
    int error;
};

/* `root` is the open directory that paths begin at. */
struct looking {
    int root;
    struct look *looks;
    struct status *statuses;
    size_t number;
    atomic_size_t next;
};

static int64_t nanoseconds(struct timespec moment)
{
    return (int64_t)moment.tv_sec * 1000000000 + moment.tv_nsec;
}

static int look_at(int root, const char *path, struct status *found)
{
    struct stat status;
    if (fstatat(root, path, &status, AT_SYMLINK_NOFOLLOW))
        return errno;
    *found = (struct status){
        .inode = (int64_t)status.st_ino,
        .size = status.st_size,
        .mtime = nanoseconds(status.st_mtim),
        .mode = status.st_mode,
        .ctime = nanoseconds(status.st_ctim),
        .links = (int64_t)status.st_nlink,
    };
    return 0;
}

static void *look_at_some(void *argument)
{
    struct looking *looking = argument;
    size_t index, end;
    while ((index = atomic_fetch_add(&looking->next, LOOKED_AT_ONCE)) < looking->number)
        for (end = index + LOOKED_AT_ONCE; index < end && index < looking->number; index++)
            looking->looks[index].error =
                look_at(looking->root, looking->looks[index].path, &looking->statuses[index]);
    return NULL;
}

/* Look at all, or say why the directory cannot be opened; the thread that asks is one of those that look. */
static int look_at_all(struct looking *looking, const char *root, int threads)
{
    struct crew crew = { .number = 0 };

    looking->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (looking->root < 0)
        return errno;
    if (looking->number > LOOKED_AT_ONCE)
        start(&crew, threads - 1, look_at_some, looking);
    look_at_some(looking);
    join(&crew);
    close(looking->root);
    return 0;
}

/* What Python sees ------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct placing *placing;
} Placing;

/* Py_RETURN_NONE takes None for immortal when it is compiled with Python 3.12 or later, and it is not before that. */
static PyObject *none(void)
{
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *raise_errno(int error)
{
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static void free_placing(struct placing *placing)
{
    struct batch *batch, *next;
    for (batch = placing->first; batch; batch = next) {
        next = batch->next;
        free_batch(batch);
    }
    free(placing->failure.directory);
    free(placing->failure.name);
    pthread_cond_destroy(&placing->wanted);
    pthread_cond_destroy(&placing->idle);
    pthread_mutex_destroy(&placing->lock);
    free(placing);
}

static PyObject *placing_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct placing *placing;
    Placing *self;
    int threads, error;
    unsigned int umask;

    if (keywords && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Placing takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "iI:Placing", &threads, &umask))
        return NULL;
    self = (Placing *)allocate(type, 0);
    if (!self)
        return NULL;
    self->placing = placing = calloc(1, sizeof *placing);
    if (!placing) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    placing->umask = umask;
    placing->threads = threads;
    placing->last = &placing->first;
    pthread_mutex_init(&placing->lock, NULL);
    condition_init(&placing->wanted);
    condition_init(&placing->idle);
    /* whoever submits has work to do too: more threads than processors hinder each other where they change one tree */
    error = start(&placing->crew, threads > 1 ? threads - 1 : threads, place_batches, placing);
    if (error) {
        Py_DECREF(self);
        return raise_errno(error);
    }
    return (PyObject *)self;
}

static void placing_dealloc(PyObject *object)
{
    Placing *self = (Placing *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    if (self->placing && self->placing->crew.process == getpid()) {
        Py_BEGIN_ALLOW_THREADS
        stop(self->placing);
        Py_END_ALLOW_THREADS
        free_placing(self->placing);
    }
    release(self);
    Py_DECREF(type);
}

/* Return a copy of a name as the filesystem has it, or NULL with an exception set. */
static char *copied_name(PyObject *name)
{
    PyObject *encoded = NULL;
    char *copy;

    if (!PyUnicode_FSConverter(name, &encoded))
        return NULL;
    copy = strdup(PyBytes_AsString(encoded));
    Py_DECREF(encoded);
    if (!copy)
        PyErr_NoMemory();
    return copy;
}

static bool is_dated(const char *name)
{
    size_t length = strlen(name);
    return length >= 3 && !strcmp(name + length - 3, ".py");
}

/* Cut a text at each slash, and give the files its parts as their names. */
static void read_names(struct batch *batch)
{
    char *rest = batch->names;
    size_t index;
    for (index = 0; index < batch->number; index++)
        batch->files[index].name = strsep(&rest, "/");
}

/* Read a digit for each file, 1 for one that is executable. */
static bool read_executables(struct batch *batch, const char *digits)
{
    size_t index;
    if (strlen(digits) != batch->number || strspn(digits, "01") != batch->number)
        return false;
    for (index = 0; index < batch->number; index++)
        batch->files[index].mode = digits[index] == '1' ? 0777 : 0666;
    return true;
}

/* Read a number for each file, with commas between them. */
static bool read_sizes(struct batch *batch, const char *text)
{
    size_t index;
    errno = 0;
    for (index = 0; index < batch->number; index++) {
        char *end;
        if ((index && *text++ != ',') || *text < '0' || *text > '9')
            return false;
        batch->files[index].size = strtoll(text, &end, 10);
        text = end;
    }
    return !errno && !*text;
}

static void keep_attributes(struct batch *batch)
{
    size_t index;
    for (index = 0; index < batch->number; index++) {
        batch->files[index].kept = batch->files[index].dated = true;
        batch->files[index].size = -1;
    }
}

static bool read_mtime(PyObject *mtime_ns, struct timespec *mtime)
{
    long long nanoseconds = PyLong_AsLongLong(mtime_ns);
    if (nanoseconds == -1 && PyErr_Occurred())
        return false;
    mtime->tv_sec = nanoseconds / 1000000000;
    mtime->tv_nsec = nanoseconds % 1000000000;
    if (mtime->tv_nsec < 0) {
        mtime->tv_sec--;
        mtime->tv_nsec += 1000000000;
    }
    return true;
}

static size_t count_names(const char *names)
{
    size_t number = 1;
    while ((names = strchr(names, '/'))) {
        names++;
        number++;
    }
    return number;
}

/* Return a batch that owns its names, with all else still to be read, or NULL with an exception set. */
static struct batch *batch_of(enum operation operation, char *names)
{
    size_t number = count_names(names);
    struct batch *batch = calloc(1, sizeof *batch + number * sizeof *batch->files);
    if (!batch) {
        free(names);
        PyErr_NoMemory();
        return NULL;
    }
    batch->operation = operation;
    batch->number = number;
    batch->names = names;
    read_names(batch);
    return batch;
}

static bool read_columns(struct batch *batch, const char *executables, const char *sizes)
{
    if (!executables && !sizes)
        keep_attributes(batch);
    else if (!executables || !sizes || !read_executables(batch, executables) || !read_sizes(batch, sizes)) {
        PyErr_SetString(PyExc_ValueError, "the columns of a batch do not fit together");
        return false;
    }
    return true;
}

static bool read_places(struct batch *batch, PyObject *source, PyObject *target, PyObject *mtime_ns)
{
    size_t index;

    if (!(batch->source = copied_name(source)) || !(batch->target = copied_name(target)))
        return false;
    if (mtime_ns == Py_None)
        return true;
    for (index = 0; index < batch->number; index++)
        if (is_dated(batch->files[index].name))
            batch->files[index].dated = true;
    return read_mtime(mtime_ns, &batch->mtime);
}

static PyObject *placing_submit(PyObject *object, PyObject *arguments)
{
    PyObject *source, *target, *names, *mtime_ns;
    const char *executables, *sizes;
    struct batch *batch;
    char *copied;
    int operation;

    if (!PyArg_ParseTuple(arguments, "iOOOzzO:submit", &operation, &source, &target, &names, &executables, &sizes,
                          &mtime_ns))
        return NULL;
    if (operation < CLONE || operation > COPY) {
        PyErr_SetString(PyExc_ValueError, "there is no such operation");
        return NULL;
    }
    if (!(copied = copied_name(names)))
        return NULL;
    if (!*copied) {
        free(copied);
        return none();
    }
    if (!(batch = batch_of((enum operation)operation, copied)))
        return NULL;
    if (!read_columns(batch, executables, sizes) || !read_places(batch, source, target, mtime_ns)) {
        free_batch(batch);
        return NULL;
    }
    submit(((Placing *)object)->placing, batch);
    return none();
}

static PyObject *placing_wait(PyObject *object, PyObject *arguments)
{
    struct placing *placing = ((Placing *)object)->placing;
    double seconds;
    bool over;

    if (!PyArg_ParseTuple(arguments, "d:wait", &seconds))
        return NULL;
    if (!(seconds >= 0 && seconds <= 60)) {
        PyErr_SetString(PyExc_ValueError, "wait for 0 to 60 seconds");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    over = wait_for(placing, seconds);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(over);
}

static PyObject *placing_stop(PyObject *object, PyObject *arguments)
{
    (void)arguments;
    Py_BEGIN_ALLOW_THREADS
    stop(((Placing *)object)->placing);
    Py_END_ALLOW_THREADS
    return none();
}

static PyObject *placing_placed(PyObject *object, PyObject *arguments)
{
    struct placing *placing = ((Placing *)object)->placing;
    size_t placed, refusals;
    int refusal;

    (void)arguments;
    pthread_mutex_lock(&placing->lock);
    placed = placing->placed;
    refusals = placing->refusals;
    refusal = placing->refusal;
    pthread_mutex_unlock(&placing->lock);
    return Py_BuildValue("nni", (Py_ssize_t)placed, (Py_ssize_t)refusals, refusal);
}

static PyObject *placing_failure(PyObject *object, PyObject *arguments)
{
    struct placing *placing = ((Placing *)object)->placing;
    struct failure failure;

    (void)arguments;
    pthread_mutex_lock(&placing->lock);
    failure = placing->failure;
    pthread_mutex_unlock(&placing->lock);
    if (!failure.result.fault)
        return none();
    if (!failure.directory || !failure.name)
        return PyErr_NoMemory();
    return Py_BuildValue("iiNNLL", failure.result.fault, failure.result.error,
                         PyUnicode_DecodeFSDefault(failure.directory), PyUnicode_DecodeFSDefault(failure.name),
                         (long long)failure.result.size, (long long)failure.expected);
}

static PyObject *delete_tree(PyObject *module, PyObject *arguments)
{
    struct deleting deleting = { .open = 0 };
    struct directory *top;
    PyObject *path;
    bool over = false, interrupted = false;
    int threads, error;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O&i:delete_tree", PyUnicode_FSConverter, &path, &threads))
        return NULL;
    top = new_directory(NULL, PyBytes_AsString(path));
    Py_DECREF(path);
    if (!top)
        return PyErr_NoMemory();
    pthread_mutex_init(&deleting.lock, NULL);
    condition_init(&deleting.wanted);
    condition_init(&deleting.idle);
    push(&deleting, top, true);
    error = start(&deleting.crew, threads, delete_directories, &deleting);
    if (error)
        free(top);
    while (!error && !over) {
        Py_BEGIN_ALLOW_THREADS
        over = wait_for_deleting(&deleting, 0.05);
        Py_END_ALLOW_THREADS
        if (!interrupted && PyErr_CheckSignals()) {
            interrupted = true;
            atomic_store(&deleting.stopped, true);
        }
    }
    Py_BEGIN_ALLOW_THREADS
    join(&deleting.crew);
    Py_END_ALLOW_THREADS
    pthread_cond_destroy(&deleting.wanted);
    pthread_cond_destroy(&deleting.idle);
    pthread_mutex_destroy(&deleting.lock);
    if (interrupted)
        return NULL;
    return error ? raise_errno(error) : PyBool_FromLong(!atomic_load(&deleting.stopped));
}

static bool read_paths(PyObject *paths, struct map *maps, size_t number)
{
    size_t index;
    for (index = 0; index < number; index++) {
        /* converting a path may run Python code, which may change the list */
        PyObject *path = PySequence_GetItem(paths, (Py_ssize_t)index);
        if (path)
            maps[index].path = copied_name(path);
        Py_XDECREF(path);
        if (!maps[index].path)
            return false;
    }
    return true;
}

static PyObject *rows_of(const struct map *maps, size_t number)
{
    PyObject *found = PyList_New((Py_ssize_t)number);
    size_t index;
    for (index = 0; found && index < number; index++) {
        const struct map *map = &maps[index];
        PyObject *rows = map->known ? PyBytes_FromStringAndSize(map->rows, (Py_ssize_t)map->length) : none();
        if (!rows || PyList_SetItem(found, (Py_ssize_t)index, rows))
            Py_CLEAR(found);
    }
    return found;
}

static PyObject *extents(PyObject *module, PyObject *arguments)
{
    PyObject *paths, *found = NULL;
    struct map *maps;
    size_t number, index;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!:extents", &PyList_Type, &paths))
        return NULL;
    number = (size_t)PyList_Size(paths);
    maps = calloc(number + 1, sizeof *maps);
    if (!maps)
        return PyErr_NoMemory();
    if (read_paths(paths, maps, number)) {
        Py_BEGIN_ALLOW_THREADS
        for (index = 0; index < number; index++)
            find(&maps[index]);
        Py_END_ALLOW_THREADS
        found = rows_of(maps, number);
    }
    for (index = 0; index < number; index++) {
        free(maps[index].path);
        free(maps[index].rows);
    }
    free(maps);
    return found;
}

static bool read_looks(PyObject *paths, struct look *looks, size_t number)
{
    size_t index;
    for (index = 0; index < number; index++) {
        /* converting a path may run Python code, which may change the list */
        PyObject *path = PySequence_GetItem(paths, (Py_ssize_t)index);
        bool good = path && PyUnicode_FSConverter(path, &looks[index].encoded);
        Py_XDECREF(path);
        if (!good)
            return false;
        looks[index].path = PyBytes_AsString(looks[index].encoded);
    }
    return true;
}

static PyObject *raise_for(int error, PyObject *encoded)
{
    errno = error;
    return PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AsString(encoded));
}

/* Return the rows, or NULL with an exception that names the first file that could not be looked at. */
static PyObject *statuses_found(const struct looking *looking)
{
    size_t index;
    for (index = 0; index < looking->number; index++)
        if (looking->looks[index].error)
            return raise_for(looking->looks[index].error, looking->looks[index].encoded);
    return PyBytes_FromStringAndSize((const char *)looking->statuses,
                                     (Py_ssize_t)(looking->number * sizeof *looking->statuses));
}

static PyObject *statuses(PyObject *module, PyObject *arguments)
{
    struct looking looking = { .next = 0 };
    PyObject *root, *paths, *found = NULL;
    size_t index;
    int threads, error;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O&O!i:statuses", PyUnicode_FSConverter, &root, &PyList_Type, &paths, &threads))
        return NULL;
    looking.number = (size_t)PyList_Size(paths);
    looking.looks = calloc(looking.number + 1, sizeof *looking.looks);
    looking.statuses = calloc(looking.number + 1, sizeof *looking.statuses);
    if (!looking.looks || !looking.statuses)
        PyErr_NoMemory();
    else if (read_looks(paths, looking.looks, looking.number)) {
        Py_BEGIN_ALLOW_THREADS
        error = look_at_all(&looking, PyBytes_AsString(root), threads);
        Py_END_ALLOW_THREADS
        found = error ? raise_for(error, root) : statuses_found(&looking);
    }
    for (index = 0; looking.looks && index < looking.number; index++)
        Py_XDECREF(looking.looks[index].encoded);
    free(looking.looks);
    free(looking.statuses);
    Py_DECREF(root);
    return found;
}

static PyObject *disk_usage(PyObject *module, PyObject *arguments)
{
    struct usage usage = { .bytes = 0 };
    PyObject *path, *found = NULL;
    bool room;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O&:disk_usage", PyUnicode_FSConverter, &path))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    room = measure(&usage, PyBytes_AsString(path));
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    if (room)
        found = Py_BuildValue("LN", (long long)usage.bytes,
                              PyBytes_FromStringAndSize((const char *)usage.linked,
                                                        (Py_ssize_t)(usage.number * sizeof *usage.linked)));
    free(usage.linked);
    return room ? found : PyErr_NoMemory();
}

static PyMethodDef placing_methods[] = {
    { "submit", placing_submit, METH_VARARGS,
      "submit(operation, source, target, files, mtime_ns): have files of one directory placed in another" },
    { "wait", placing_wait, METH_VARARGS, "wait(seconds): return whether nothing is left to do" },
    { "stop", placing_stop, METH_NOARGS, "stop(): begin with no further file, and wait for the threads" },
    { "placed", placing_placed, METH_NOARGS, "placed(): return the numbers of files placed and refused, and an errno" },
    { "failure", placing_failure, METH_NOARGS,
      "failure(): return None, or what is at fault, an errno, a directory, a name, a size and the one expected" },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot placing_slots[] = {
    { Py_tp_new, placing_new },
    { Py_tp_dealloc, placing_dealloc },
    { Py_tp_methods, placing_methods },
    { Py_tp_doc, "Placing(threads, umask): threads that place files" },
    { 0, NULL },
};

static PyType_Spec placing_spec = {
    .name = "virtualenv_reflink.filesystem._native.Placing",
    .basicsize = sizeof(Placing),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = placing_slots,
};

static int fill_module(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &placing_spec, NULL);

    if (!type || PyModule_AddType(module, (PyTypeObject *)type)) {
        Py_XDECREF(type);
        return -1;
    }
    Py_DECREF(type);
    return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
}

static PyMethodDef functions[] = {
    { "delete_tree", delete_tree, METH_VARARGS,
      "delete_tree(path, threads): delete a directory with all that is in it; return whether nothing is left" },
    { "extents", extents, METH_VARARGS,
      "extents(paths): return for each file all struct fiemap_extent, or None where there is no such map" },
    { "statuses", statuses, METH_VARARGS,
      "statuses(root, paths, threads): return inode, size, mtime, mode, ctime and number of links of files, in rows" },
    { "disk_usage", disk_usage, METH_VARARGS,
      "disk_usage(path): return the bytes on disk of all in a directory but files with hard links, and those in rows" },
    { NULL, NULL, 0, NULL },
};

static PyModuleDef_Slot module_slots[] = {
    { Py_mod_exec, fill_module },
#ifdef Py_GIL_DISABLED
    { Py_mod_gil, Py_MOD_GIL_NOT_USED },
#endif
    { 0, NULL },
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "The native core; see native.py.",
    .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module);
}
