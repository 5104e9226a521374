/* Hiding and write-protecting paths of the new root by mounts on top of them. */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel.h"
#include "ops.h"
#include "path.h"

#define NULL_DEVICE_MAJOR 1
#define NULL_DEVICE_MINOR 3

/*
 * An image may have put anything at /dev/null; a mask made of it would expose instead of hide. The check is on
 * the descriptor that is then cloned, so nothing can change in between.
 */
static int check_null_device(int fd)
{
	struct stat found;
	if (fstat(fd, &found) < 0)
		return -1;
	if (S_ISCHR(found.st_mode) && found.st_rdev == makedev(NULL_DEVICE_MAJOR, NULL_DEVICE_MINOR))
		return 0;
	errno = ENODEV;
	return -1;
}

int perform_mask_path(struct start *s, const struct op_mask_path *op)
{
	const char *path = plan_string(&s->plan, op->path);
	struct stat found;
	OWNED_FD target = open_in_root(s, op->root, path, O_PATH, 0, 0);
	if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (target < 0)
		return fail(s, STEP_MASK_PATH_OPENAT2, path);
	if (fstat(target, &found) < 0)
		return fail(s, STEP_MASK_PATH_FSTAT, path);
	int cover = slot_fd(s, S_ISDIR(found.st_mode) ? op->empty : op->null_device);
	if (!S_ISDIR(found.st_mode) && check_null_device(cover) < 0)
		return fail_explained(s, STEP_MASK_PATH_FSTAT, path, "the cover is not the null device");
	OWNED_FD tree = sys_open_tree(cover, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return fail(s, STEP_MASK_PATH_OPEN_TREE, path);
	if (sys_move_mount(tree, target) < 0)
		return fail(s, STEP_MASK_PATH_MOVE_MOUNT, path);
	return 0;
}

int perform_readonly_path(struct start *s, const struct op_readonly_path *op)
{
	const char *path = plan_string(&s->plan, op->path);
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	OWNED_FD target = open_in_root(s, op->root, path, O_PATH, 0, 0);
	if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (target < 0)
		return fail(s, STEP_READONLY_PATH_OPENAT2, path);
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
	OWNED_FD tree = sys_open_tree(target, "", flags);
	if (tree < 0)
		return fail(s, STEP_READONLY_PATH_OPEN_TREE, path);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes) < 0)
		return fail(s, STEP_READONLY_PATH_MOUNT_SETATTR, path);
	if (sys_move_mount(tree, target) < 0)
		return fail(s, STEP_READONLY_PATH_MOVE_MOUNT, path);
	return 0;
}
