/* The standard streams of the program: pipes, or a pseudo terminal of the container's own devpts. */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "kernel.h"
#include "ops.h"
#include "path.h"
#include "peer.h"

#define PTMX_MAJOR 5
#define PTMX_MINOR 2
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

/* An image may have put anything at /dev/ptmx; only the real multiplexer makes a pty. */
static int open_master(const struct start *s, const struct op_pty *op, const char *path)
{
	struct stat found;
	int fd = open_in_root(s, op->root, path, O_RDWR | O_NOCTTY, 0, 0);
	if (fd < 0)
		return -1;
	if (fstat(fd, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == makedev(PTMX_MAJOR, PTMX_MINOR))
		return fd;
	close(fd);
	errno = ENODEV;
	return -1;
}

/* Binds the terminal on /dev/console, both by descriptor. */
static int cover_console(const struct start *s, const struct op_pty *op, int slave)
{
	bool made;
	struct new_entry entry = {.is_directory = false, .mode = 0600};
	OWNED_FD target = create_in_root(s, op->root, "/dev/console", entry, &made);
	OWNED_FD tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (target < 0 || tree < 0)
		return -1;
	return sys_move_mount(tree, target);
}

static int take_terminal(struct start *s, int slave)
{
	if (getsid(0) != getpid() && setsid() < 0)
		return fail(s, STEP_PTY_SETSID, NULL);
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return fail(s, STEP_PTY_CTTY, NULL);
	for (int fd = 0; fd <= 2; fd++)
		if (dup3(slave, fd, 0) < 0)
			return fail(s, STEP_PTY_CTTY, NULL);
	return 0;
}

int perform_pty(struct start *s, const struct op_pty *op)
{
	const char *path = plan_string(&s->plan, op->path);
	struct winsize size = {.ws_row = (unsigned short)op->rows, .ws_col = (unsigned short)op->columns};
	int unlock = 0;
	OWNED_FD master = open_master(s, op, path);
	if (master < 0)
		return fail(s, STEP_PTY_OPENAT2, path);
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(s, STEP_PTY_UNLOCK, path);
	/* By descriptor: no name under /dev/pts is ever looked up. */
	OWNED_FD slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail(s, STEP_PTY_PEER, path);
	if (op->rows > 0 && op->columns > 0 && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return fail(s, STEP_PTY_WINSIZE, path);
	if (fchown(slave, op->uid, op->gid) < 0)
		return fail(s, STEP_PTY_CHOWN, path);
	if (op->console && cover_console(s, op, slave) < 0)
		return fail(s, STEP_PTY_CONSOLE, "/dev/console");
	if (take_terminal(s, slave) < 0)
		return -1;
	if (peer_send_terminal(s, master, slave) < 0)
		return fail(s, STEP_PTY_SEND, path);
	return 0;
}

int perform_pipe(struct start *s, const struct op_pipe *op)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(s, STEP_PIPE_PIPE2, NULL);
	slot_fill(s, op->read, ends[0]);
	slot_fill(s, op->write, ends[1]);
	/* One inode: the owner of one end is the owner of both. */
	if ((op->uid != geteuid() || op->gid != getegid()) && fchown(ends[0], op->uid, op->gid) < 0)
		return fail(s, STEP_PIPE_FCHOWN, NULL);
	return 0;
}

int perform_dup2(struct start *s, const struct op_dup2 *op)
{
	int from = slot_fd(s, op->slot);
	/* start.c moved everything of ours above the numbers that the plan wants, so nothing is overwritten. */
	if (dup3(from, (int)op->fd, 0) < 0)
		return fail_slot(s, STEP_DUP2_DUP3, op->slot);
	return 0;
}

int perform_close_from(struct start *s, const struct op_close_from *op)
{
	if (sys_close_range(op->first, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(s, STEP_CLOSE_FROM_CLOSE_RANGE, NULL);
	return 0;
}
