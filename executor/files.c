/* Files and directories below a root, and single writes to kernel files. */
#include <string.h>
#include <sys/stat.h>

#include "kernel.h"
#include "ops.h"
#include "path.h"

/* New files belong to whoever makes them; only another owner needs a call, which an unprivileged maker cannot make. */
static bool needs_owner(uint32_t uid, uint32_t gid)
{
	return uid != geteuid() || gid != getegid();
}

int perform_open(struct start *s, const struct op_open *op)
{
	const char *path = plan_string(&s->plan, op->path);
	/* Without a directory the path is absolute, or meant for the root, where the working directory is then. */
	int dir = op->dir == SLOT_NONE ? AT_FDCWD : slot_fd(s, op->dir);
	int fd = sys_openat2(dir, path, op->flags | O_CLOEXEC, op->mode, op->resolve);
	if (fd < 0)
		return fail(s, STEP_OPEN_OPENAT2, path);
	slot_fill(s, op->out, fd);
	return 0;
}

int perform_close(struct start *s, const struct op_close *op)
{
	slot_close(s, op->slot);
	return 0;
}

int perform_mkdir(struct start *s, const struct op_mkdir *op)
{
	const char *path = plan_string(&s->plan, op->path);
	bool made;
	OWNED_FD fd = create_in_root(s, op->root, path, (struct new_entry){true, op->mode}, &made);
	if (fd < 0)
		return fail(s, STEP_MKDIR_MKDIRAT, path);
	if (made && needs_owner(op->uid, op->gid) && fchownat(fd, "", op->uid, op->gid, AT_EMPTY_PATH) < 0)
		return fail(s, STEP_MKDIR_FCHOWN, path);
	return 0;
}

int perform_symlink(struct start *s, const struct op_symlink *op)
{
	const char *path = plan_string(&s->plan, op->path);
	const char *last;
	OWNED_FD opened;
	int parent = open_parent_in_root(s, op->root, path, &last, &opened);
	if (parent < 0)
		return fail(s, STEP_SYMLINK_OPENAT2, path);
	if (symlinkat(plan_string(&s->plan, op->target), parent, last) < 0 && errno != EEXIST)
		return fail(s, STEP_SYMLINK_SYMLINKAT, path);
	return 0;
}

/* The very node that is wanted, from an earlier start in the same root; whatever else stands there stays an error. */
static bool is_node(int parent, const char *name, uint32_t mode, uint64_t device)
{
	struct stat found;
	if (fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) < 0) {
		errno = EEXIST;
		return false;
	}
	bool numbered = S_ISCHR(mode) || S_ISBLK(mode);
	return (found.st_mode & S_IFMT) == (mode & S_IFMT) && (!numbered || found.st_rdev == device);
}

int perform_mknod(struct start *s, const struct op_mknod *op)
{
	const char *path = plan_string(&s->plan, op->path);
	const char *last;
	OWNED_FD opened;
	int parent = open_parent_in_root(s, op->root, path, &last, &opened);
	if (parent < 0)
		return fail(s, STEP_MKNOD_OPENAT2, path);
	bool made = mknodat(parent, last, op->mode, op->device) == 0;
	if (!made && errno == EEXIST && is_node(parent, last, op->mode, op->device))
		return 0;
	if (!made)
		return fail(s, STEP_MKNOD_MKNODAT, path);
	if (needs_owner(op->uid, op->gid) && fchownat(parent, last, op->uid, op->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(s, STEP_MKNOD_FCHOWNAT, path);
	return 0;
}

int perform_create_file(struct start *s, const struct op_create_file *op)
{
	const char *path = plan_string(&s->plan, op->path);
	uint64_t flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
	OWNED_FD fd = open_in_root(s, op->root, path, flags, op->mode, 0);
	if (fd < 0)
		return fail(s, STEP_CREATE_FILE_OPENAT2, path);
	const uint8_t *content = plan_blob(&s->plan, op->content);
	for (uint32_t done = 0; done < op->content.count;) {
		ssize_t written = write(fd, content + done, op->content.count - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail(s, STEP_CREATE_FILE_WRITE, path);
		done += (uint32_t)written;
	}
	if (needs_owner(op->uid, op->gid) && fchown(fd, op->uid, op->gid) < 0)
		return fail(s, STEP_CREATE_FILE_FCHOWN, path);
	return 0;
}

int perform_write(struct start *s, const struct op_write *op)
{
	const char *path = plan_string(&s->plan, op->path);
	OWNED_FD opened = -1;
	/* NO_XDEV: nothing that an image mounted over a kernel file may receive the write. */
	if (path)
		opened = open_in_root(s, op->dir, path, O_WRONLY, 0, RESOLVE_NO_XDEV);
	if (path && opened < 0)
		return fail(s, STEP_WRITE_OPENAT2, path);
	int fd = path ? opened : slot_fd(s, op->dir);
	/* Kernel files take a value whole or not at all, so this is never repeated for a rest. */
	if (write(fd, plan_blob(&s->plan, op->data), op->data.count) < 0)
		return path ? fail(s, STEP_WRITE_WRITE, path) : fail_slot(s, STEP_WRITE_WRITE, op->dir);
	return 0;
}
