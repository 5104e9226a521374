/* Mounts by descriptor: made detached, configured, then attached at a target inside a root. */
#include <limits.h>
#include <string.h>

#include "kernel.h"
#include "ops.h"
#include "path.h"
#include "text.h"

/* What fsconfig accepts for a string value, its NUL included. */
#define OPTION_BYTES 256
/* MS_MOVE of mount(2); its header clashes with that of the newer calls. */
#define MS_MOVE_ROOT 8192ul

/* What the kernel says about the last failure of a mount context; empty when it says nothing. */
static void read_explanation(int context, char *text, size_t room)
{
	int saved = errno;
	text[0] = 0;
	for (;;) {
		ssize_t bytes = read(context, text, room - 1);
		if (bytes < 2) {
			text[0] = 0;
			break;
		}
		text[bytes] = 0;
		text[strcspn(text, "\n")] = 0;
		/* "e " marks errors; "w " and "i " are warnings and notes. */
		if (text[0] == 'e') {
			memmove(text, text + 2, strlen(text + 2) + 1);
			break;
		}
	}
	errno = saved;
}

static int fail_context(struct start *s, int context, uint32_t step, const char *object)
{
	char explanation[256];
	read_explanation(context, explanation, sizeof explanation);
	return fail_explained(s, step, object, explanation);
}

/*
 * The text of the {slot:N} or {fd:N} that `*from` begins with, which is moved past it. 0: it begins with neither.
 */
static int expand_slot(const struct start *s, const char **from, char *piece, size_t room)
{
	const char *end;
	bool whole = strncmp(*from, SLOT_REFERENCE_PATH, strlen(SLOT_REFERENCE_PATH)) == 0;
	if (!whole && strncmp(*from, SLOT_REFERENCE_NUMBER, strlen(SLOT_REFERENCE_NUMBER)) != 0)
		return 0;
	uint32_t slot = read_decimal(*from + strlen(whole ? SLOT_REFERENCE_PATH : SLOT_REFERENCE_NUMBER), &end);
	if (*end != '}' || slot >= LIMIT_SLOTS || s->slots[slot] < 0) {
		errno = EBADF;
		return -1;
	}
	if (whole)
		write_fd_path(piece, room, s->slots[slot]);
	else
		write_decimal(piece, (uint64_t)s->slots[slot]);
	*from = end + 1;
	return 1;
}

/* Copies `from` with every {slot:N} replaced by the path of that slot's descriptor, every {fd:N} by its number. */
static int expand_slots(const struct start *s, const char *from, char *to, size_t room)
{
	size_t used = 0;
	while (*from) {
		char piece[32] = {*from, 0};
		int expanded = expand_slot(s, &from, piece, sizeof piece);
		if (expanded < 0)
			return -1;
		if (expanded == 0)
			from++;
		size_t bytes = strlen(piece);
		if (used + bytes >= room) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(to + used, piece, bytes);
		used += bytes;
	}
	to[used] = 0;
	return 0;
}

static int configure(const struct start *s, int context, const char *option)
{
	char key[OPTION_BYTES];
	char value[OPTION_BYTES];
	const char *equals = strchr(option, '=');
	if (!equals)
		return sys_fsconfig(context, FSCONFIG_SET_FLAG, option, NULL);
	size_t bytes = (size_t)(equals - option);
	if (bytes >= sizeof key) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(key, option, bytes);
	key[bytes] = 0;
	if (expand_slots(s, equals + 1, value, sizeof value) < 0)
		return -1;
	return sys_fsconfig(context, FSCONFIG_SET_STRING, key, value);
}

int perform_fs_mount(struct start *s, const struct op_fs_mount *op)
{
	const char *type = plan_string(&s->plan, op->type);
	const char *source = plan_string(&s->plan, op->source);
	OWNED_FD context = sys_fsopen(type, FSOPEN_CLOEXEC);
	if (context < 0)
		return fail(s, STEP_FS_MOUNT_FSOPEN, type);
	if (source && sys_fsconfig(context, FSCONFIG_SET_STRING, "source", source) < 0)
		return fail_context(s, context, STEP_FS_MOUNT_FSCONFIG, source);
	const char *option = plan_string(&s->plan, op->options.offset);
	for (uint32_t i = 0; i < op->options.count; i++, option = plan_next_string(option))
		if (configure(s, context, option) < 0)
			return fail_context(s, context, STEP_FS_MOUNT_FSCONFIG, option);
	if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
		return fail_context(s, context, STEP_FS_MOUNT_CREATE, type);
	int mount = sys_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)op->attributes);
	if (mount < 0)
		return fail_context(s, context, STEP_FS_MOUNT_FSMOUNT, type);
	slot_fill(s, op->out, mount);
	return 0;
}

int perform_reconfigure(struct start *s, const struct op_reconfigure *op)
{
	OWNED_FD context = sys_fspick(slot_fd(s, op->mount), FSPICK_CLOEXEC);
	if (context < 0)
		return fail_slot(s, STEP_RECONFIGURE_FSPICK, op->mount);
	const char *option = plan_string(&s->plan, op->options.offset);
	for (uint32_t i = 0; i < op->options.count; i++, option = plan_next_string(option))
		if (configure(s, context, option) < 0)
			return fail_context(s, context, STEP_RECONFIGURE_FSCONFIG, option);
	if (sys_fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL) < 0)
		return fail_context(s, context, STEP_RECONFIGURE_RECONFIGURE, "");
	return 0;
}

int perform_open_tree(struct start *s, const struct op_open_tree *op)
{
	const char *path = plan_string(&s->plan, op->path);
	int dir = op->dir == SLOT_NONE ? AT_FDCWD : slot_fd(s, op->dir);
	unsigned flags = op->flags | OPEN_TREE_CLOEXEC;
	if (!path)
		flags |= AT_EMPTY_PATH;
	int tree = sys_open_tree(dir, path ? path : "", flags);
	if (tree < 0)
		return path ? fail(s, STEP_OPEN_TREE_OPEN_TREE, path)
			    : fail_slot(s, STEP_OPEN_TREE_OPEN_TREE, op->dir);
	slot_fill(s, op->out, tree);
	return 0;
}

int perform_mount_setattr(struct start *s, const struct op_mount_setattr *op)
{
	const char *path = plan_string(&s->plan, op->path);
	struct mount_attr attributes = {
		.attr_set = op->set,
		.attr_clr = op->clear,
		.propagation = op->propagation,
		.userns_fd = op->userns == SLOT_NONE ? 0 : (uint64_t)slot_fd(s, op->userns),
	};
	unsigned flags = op->flags | (path ? 0 : AT_EMPTY_PATH);
	if (sys_mount_setattr(slot_fd(s, op->mount), path ? path : "", flags, &attributes) < 0)
		return path ? fail(s, STEP_MOUNT_SETATTR_MOUNT_SETATTR, path)
			    : fail_slot(s, STEP_MOUNT_SETATTR_MOUNT_SETATTR, op->mount);
	return 0;
}

int perform_move_mount(struct start *s, const struct op_move_mount *op)
{
	const char *path = plan_string(&s->plan, op->path);
	uint64_t flags = O_PATH | (op->create == MISSING_TARGET_PLAIN_DIRECTORY ? O_DIRECTORY | O_NOFOLLOW : 0);
	OWNED_FD target = open_in_root(s, op->root, path, flags, 0, 0);
	if (target < 0 && errno == ENOENT && op->create != MISSING_TARGET_REFUSE) {
		struct new_entry entry = {.is_directory = op->create != MISSING_TARGET_FILE, .mode = op->mode};
		bool made;
		target = create_in_root(s, op->root, path, entry, &made);
		if (target < 0)
			return fail(s, STEP_MOVE_MOUNT_CREATE, path);
		/* What stands there by now may be a link that was followed. */
		if (op->create == MISSING_TARGET_PLAIN_DIRECTORY && !made) {
			close_quietly(take_fd(&target));
			target = open_in_root(s, op->root, path, flags, 0, 0);
		}
	}
	if (target < 0)
		return fail(s, STEP_MOVE_MOUNT_OPENAT2, path);
	if (sys_move_mount(slot_fd(s, op->mount), target) < 0)
		return fail(s, STEP_MOVE_MOUNT_MOVE_MOUNT, path);
	return 0;
}

int perform_umount(struct start *s, const struct op_umount *op)
{
	const char *path = plan_string(&s->plan, op->path);
	char by_fd[32] = "";
	OWNED_FD target = open_in_root(s, op->root, path, O_PATH | O_NOFOLLOW, 0, 0);
	if (target < 0)
		return fail(s, STEP_UMOUNT_OPENAT2, path);
	/* umount2 takes no descriptor; the magic link is the object itself. */
	if (op->descriptors == SLOT_NONE)
		write_fd_path(by_fd, sizeof by_fd, target);
	else if (fchdir(slot_fd(s, op->descriptors)) < 0)
		return fail_slot(s, STEP_UMOUNT_FCHDIR, op->descriptors);
	else
		write_decimal(by_fd, (uint64_t)target);
	if (sys_umount2(by_fd, (int)(op->flags & ~(uint32_t)UMOUNT_NOFOLLOW_LINK)) < 0)
		return fail(s, STEP_UMOUNT_UMOUNT2, path);
	return 0;
}

int perform_pivot_root(struct start *s, const struct op_pivot_root *op)
{
	if (fchdir(slot_fd(s, op->root)) < 0)
		return fail_slot(s, STEP_PIVOT_ROOT_FCHDIR, op->root);
	/* Both names are the same directory: the old root lands on top of the new one and is taken off from there. */
	if (sys_pivot_root(".", ".") < 0)
		return fail_slot(s, STEP_PIVOT_ROOT_PIVOT_ROOT, op->root);
	if (sys_umount2(".", UMOUNT_DETACH) < 0)
		return fail_slot(s, STEP_PIVOT_ROOT_UMOUNT2, op->root);
	if (chdir("/") < 0)
		return fail(s, STEP_PIVOT_ROOT_CHDIR, "/");
	return 0;
}

int perform_move_root(struct start *s, const struct op_move_root *op)
{
	if (fchdir(slot_fd(s, op->root)) < 0)
		return fail_slot(s, STEP_MOVE_ROOT_FCHDIR, op->root);
	if (syscall(SYS_mount, ".", "/", NULL, MS_MOVE_ROOT, NULL) < 0)
		return fail_slot(s, STEP_MOVE_ROOT_MOUNT, op->root);
	return 0;
}

int perform_chroot(struct start *s, const struct op_chroot *op)
{
	if (fchdir(slot_fd(s, op->root)) < 0)
		return fail_slot(s, STEP_CHROOT_FCHDIR, op->root);
	if (syscall(SYS_chroot, ".") < 0)
		return fail_slot(s, STEP_CHROOT_CHROOT, op->root);
	if (chdir("/") < 0)
		return fail(s, STEP_CHROOT_CHDIR, "/");
	return 0;
}
