/* From an op code to its function. The switch is exhaustive: an op of the schema without a case does not compile. */
#include <errno.h>

#include "ops.h"

static int perform_supervise(struct start *s, const struct op_supervise *op)
{
	s->supervise = op;
	return 0;
}

static int perform_leave(struct start *s, const struct op_leave *op)
{
	s->leave = op;
	return 0;
}

#define CASE(code, name)                                                                                    \
	case code:                                                                                          \
		return perform_##name(s, (const struct op_##name *)(const void *)op)

int perform(struct start *s, const struct abi_op_header *op)
{
	switch ((enum abi_op)op->code) {
		CASE(OP_OPEN, open);
		CASE(OP_CLOSE, close);
		CASE(OP_FS_MOUNT, fs_mount);
		CASE(OP_RECONFIGURE, reconfigure);
		CASE(OP_OPEN_TREE, open_tree);
		CASE(OP_MOUNT_SETATTR, mount_setattr);
		CASE(OP_MOVE_MOUNT, move_mount);
		CASE(OP_UMOUNT, umount);
		CASE(OP_MKDIR, mkdir);
		CASE(OP_SYMLINK, symlink);
		CASE(OP_MKNOD, mknod);
		CASE(OP_CREATE_FILE, create_file);
		CASE(OP_WRITE, write);
		CASE(OP_SETNS, setns);
		CASE(OP_UNSHARE, unshare);
		CASE(OP_CLONE, clone);
		CASE(OP_ID_MAP, id_map);
		CASE(OP_SIGNAL_PEER, signal_peer);
		CASE(OP_AWAIT_PEER, await_peer);
		CASE(OP_SYNC, sync);
		CASE(OP_PIVOT_ROOT, pivot_root);
		CASE(OP_SET_HOSTNAME, set_hostname);
		CASE(OP_SET_DOMAINNAME, set_domainname);
		CASE(OP_MASK_PATH, mask_path);
		CASE(OP_READONLY_PATH, readonly_path);
		CASE(OP_PTY, pty);
		CASE(OP_PIPE, pipe);
		CASE(OP_DUP2, dup2);
		CASE(OP_SET_RLIMIT, set_rlimit);
		CASE(OP_KEYRING, keyring);
		CASE(OP_PRCTL, prctl);
		CASE(OP_DROP_BOUNDING, drop_bounding);
		CASE(OP_SET_GROUPS, set_groups);
		CASE(OP_SET_IDS, set_ids);
		CASE(OP_SET_CAPABILITIES, set_capabilities);
		CASE(OP_UMASK, umask);
		CASE(OP_CHDIR, chdir);
		CASE(OP_SECCOMP, seccomp);
		CASE(OP_CLOSE_FROM, close_from);
		CASE(OP_EXEC, exec);
		CASE(OP_SUPERVISE, supervise);
		CASE(OP_LEAVE, leave);
		CASE(OP_FIND_PROGRAM, find_program);
		CASE(OP_AWAIT_START, await_start);
		CASE(OP_HOOK, hook);
		CASE(OP_PERSONALITY, personality);
		CASE(OP_SET_SCHEDULER, set_scheduler);
		CASE(OP_SET_IO_PRIORITY, set_io_priority);
		CASE(OP_SET_AFFINITY, set_affinity);
		CASE(OP_SET_MEMORY_POLICY, set_memory_policy);
		CASE(OP_MOVE_ROOT, move_root);
		CASE(OP_CHROOT, chroot);
		CASE(OP_PASS_LISTENER, pass_listener);
		CASE(OP_COPY_TREE, copy_tree);
		CASE(OP_COPY_MODE, copy_mode);
		CASE(OP_LISTEN, listen);
		CASE(OP_RUN, run);
		CASE(OP_ADOPT, adopt);
	case OP_SETSID:
		return perform_setsid(s);
	case OP_LOOPBACK_UP:
		return perform_loopback_up(s);
	case OP_INIT:
		return perform_init(s);
	case OP_FINISH:
		perform_finish(s);
	}
	/* The decoder let no other code pass. */
	errno = ENOSYS;
	return fail(s, 0, NULL);
}
