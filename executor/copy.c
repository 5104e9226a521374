/* Copies a tree of the image into a new file system. Both sides are held by descriptor; no link is followed. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel.h"
#include "ops.h"
#include "path.h"

/* One level takes one frame of this function and its buffer; the kernel gives a process 8 MiB of stack. */
#define DEPTH_LIMIT 64
#define LIST_BYTES 4096
#define COPY_BYTES 16384
#define LINK_BYTES 4096

struct entry_header {
	uint64_t inode;
	int64_t next;
	unsigned short size;
	unsigned char type;
	char name[];
};

static int copy_children(struct start *s, int from, int to, int depth);

static int copy_bytes(struct start *s, int from, int to, const char *name)
{
	uint8_t buffer[COPY_BYTES];
	for (;;) {
		ssize_t got = read(from, buffer, sizeof buffer);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(s, STEP_COPY_TREE_READ, name);
		if (got == 0)
			return 0;
		for (ssize_t done = 0; done < got;) {
			ssize_t written = write(to, buffer + done, (size_t)(got - done));
			if (written < 0)
				return fail(s, STEP_COPY_TREE_WRITE, name);
			done += written;
		}
	}
}

/* Owner first: chown clears the set-id bits that the mode may bring. */
static int copy_attributes(struct start *s, int to, const struct stat *found, const char *name)
{
	if (fchown(to, found->st_uid, found->st_gid) < 0 || syscall(SYS_fchmod, to, found->st_mode & 07777) < 0)
		return fail(s, STEP_COPY_TREE_ATTRIBUTES, name);
	return 0;
}

static int copy_directory(struct start *s, int from, int to, const char *name, const struct stat *found, int depth)
{
	if (mkdirat(to, name, 0700) < 0)
		return fail(s, STEP_COPY_TREE_CREATE, name);
	OWNED_FD source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	OWNED_FD target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0 || target < 0)
		return fail(s, STEP_COPY_TREE_READ, name);
	if (copy_children(s, source, target, depth + 1) < 0)
		return -1;
	return copy_attributes(s, target, found, name);
}

static int copy_file(struct start *s, int from, int to, const char *name, const struct stat *found)
{
	/* What was a file a moment ago may be a pipe now. */
	OWNED_FD source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (source < 0)
		return fail(s, STEP_COPY_TREE_READ, name);
	OWNED_FD target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0)
		return fail(s, STEP_COPY_TREE_CREATE, name);
	if (copy_bytes(s, source, target, name) < 0)
		return -1;
	return copy_attributes(s, target, found, name);
}

static int copy_link(struct start *s, int from, int to, const char *name, const struct stat *found)
{
	char text[LINK_BYTES];
	ssize_t bytes = readlinkat(from, name, text, sizeof text - 1);
	if (bytes < 0)
		return fail(s, STEP_COPY_TREE_READ, name);
	text[bytes] = 0;
	if (symlinkat(text, to, name) < 0)
		return fail(s, STEP_COPY_TREE_CREATE, name);
	if (fchownat(to, name, found->st_uid, found->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(s, STEP_COPY_TREE_ATTRIBUTES, name);
	return 0;
}

static int copy_entry(struct start *s, int from, int to, const char *name, int depth)
{
	struct stat found;
	if (fstatat(from, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(s, STEP_COPY_TREE_READ, name);
	if (S_ISDIR(found.st_mode))
		return copy_directory(s, from, to, name, &found, depth);
	if (S_ISREG(found.st_mode))
		return copy_file(s, from, to, name, &found);
	if (S_ISLNK(found.st_mode))
		return copy_link(s, from, to, name, &found);
	/* A socket is of no use without its listener, and a device without the right to make it stays away. */
	if (S_ISSOCK(found.st_mode) || mknodat(to, name, found.st_mode, found.st_rdev) < 0)
		return 0;
	if (fchownat(to, name, found.st_uid, found.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(s, STEP_COPY_TREE_ATTRIBUTES, name);
	return 0;
}

static int copy_children(struct start *s, int from, int to, int depth)
{
	_Alignas(8) uint8_t list[LIST_BYTES];
	if (depth > DEPTH_LIMIT) {
		errno = ELOOP;
		return fail(s, STEP_COPY_TREE_READ, NULL);
	}
	for (;;) {
		long bytes = syscall(SYS_getdents64, from, list, sizeof list);
		if (bytes < 0)
			return fail(s, STEP_COPY_TREE_READ, NULL);
		if (bytes == 0)
			return 0;
		for (long at = 0; at < bytes;) {
			const struct entry_header *entry = (const void *)(list + at);
			at += entry->size;
			if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
				continue;
			if (copy_entry(s, from, to, entry->name, depth) < 0)
				return -1;
		}
	}
}

int perform_copy_tree(struct start *s, const struct op_copy_tree *op)
{
	const char *path = plan_string(&s->plan, op->path);
	struct stat found;
	OWNED_FD from = open_in_root(s, op->root, path, O_RDONLY | O_DIRECTORY, 0, 0);
	if (from < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(s, STEP_COPY_TREE_OPENAT2, path);
	/* The slot holds a mount, which cannot be read through. */
	OWNED_FD to = openat(slot_fd(s, op->to), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0 || fstat(from, &found) < 0)
		return fail(s, STEP_COPY_TREE_OPENAT2, path);
	if (copy_children(s, from, to, 0) < 0)
		return -1;
	return op->keep_top ? 0 : copy_attributes(s, to, &found, path);
}

int perform_copy_mode(struct start *s, const struct op_copy_mode *op)
{
	const char *path = plan_string(&s->plan, op->path);
	struct stat found;
	OWNED_FD from = open_in_root(s, op->root, path, O_PATH | O_DIRECTORY, 0, 0);
	if (from < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(s, STEP_COPY_MODE_OPENAT2, path);
	OWNED_FD to = openat(slot_fd(s, op->to), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0 || fstat(from, &found) < 0)
		return fail(s, STEP_COPY_MODE_OPENAT2, path);
	if (syscall(SYS_fchmod, to, found.st_mode & 07777) < 0)
		return fail(s, STEP_COPY_MODE_FCHMOD, path);
	return 0;
}
