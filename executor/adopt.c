/* A process that another runtime has started: taken over from it, so that it is supervised like one of our own. */
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "kernel.h"
#include "ops.h"
#include "path.h"
#include "peer.h"
#include "text.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
/* The end of what a runtime says of its failure, so much that it fits into the report. */
#define REASON_BYTES 480
#define PROC_PATH_BYTES 64
#define DEFAULT_UMASK 022
#define EXEC_FAILED 127

union descriptor_control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int perform_listen(struct start *s, const struct op_listen *op)
{
	const char *name = plan_string(&s->plan, op->path);
	char directory[32];
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	OWNED_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(s, STEP_LISTEN_SOCKET, name);
	write_fd_path(directory, sizeof directory, slot_fd(s, op->dir));
	join_text(path, sizeof path, directory, "/", name);
	strcpy(address.sun_path, path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return fail(s, STEP_LISTEN_BIND, name);
	if (listen(fd, 1) < 0)
		return fail(s, STEP_LISTEN_LISTEN, name);
	slot_fill(s, op->out, take_fd(&fd));
	return 0;
}

int perform_adopt(struct start *s, const struct op_adopt *op)
{
	s->adopt = op;
	s->adopt_index = s->op;
	return 0;
}

/* The master of the terminal; what else is said there counts for nothing. */
static void receive_terminal(struct start *s, int listener)
{
	char said[256];
	struct iovec part = {said, sizeof said};
	union descriptor_control control;
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	OWNED_FD connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ssize_t bytes;
	if (connection < 0)
		return;
	do
		bytes = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	while (bytes < 0 && errno == EINTR);
	struct cmsghdr *c = bytes < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	close_quietly(s->terminal);
	memcpy(&s->terminal, CMSG_DATA(c), sizeof s->terminal);
	close_quietly(s->terminal_slave);
	s->terminal_slave = ioctl(s->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* Until the runtime has ended; meanwhile it sends the terminal, and the controller may ask or give up. */
static void attend_runtime(struct start *s, int listener)
{
	for (;;) {
		struct pollfd wanted[] = {
			{.fd = s->child_pidfd, .events = POLLIN},
			{.fd = s->terminal < 0 ? listener : -1, .events = POLLIN},
			{.fd = peer_controller(s), .events = POLLIN},
		};
		if (poll(wanted, 3, -1) < 0)
			continue;
		if (wanted[2].revents)
			peer_hear_controller(s);
		if (wanted[1].revents)
			receive_terminal(s, listener);
		else if (wanted[0].revents)
			return;
	}
}

/* What the runtime has written down last, or how it ended. */
static int explain_runtime(struct start *s, uint32_t step, uint32_t dir, uint32_t log_file, int status)
{
	char reason[REASON_BYTES];
	char number[DECIMAL_BYTES];
	struct stat found;
	OWNED_FD log = open_in_root(s, dir, plan_string(&s->plan, log_file), O_RDONLY, 0, 0);
	ssize_t bytes = 0;
	if (log >= 0 && fstat(log, &found) == 0) {
		off_t room = (off_t)sizeof reason - 1;
		bytes = pread(log, reason, (size_t)room, found.st_size > room ? found.st_size - room : 0);
	}
	if (bytes > 0) {
		reason[bytes] = 0;
	} else {
		bool exited = WIFEXITED(status);
		write_decimal(number, (uint64_t)(exited ? WEXITSTATUS(status) : WTERMSIG(status)));
		join_text(reason, sizeof reason, exited ? "exited with " : "ended by signal ", number, "");
	}
	errno = EIO;
	return fail_explained(s, step, NULL, reason);
}

static _Noreturn void become_runtime(struct start *s, const struct op_run *op, char **pointers, pid_t parent)
{
	sigset_t none;
	char **environment = pointers + plan_fill_pointers(pointers, &s->plan, op->arguments);
	plan_fill_pointers(environment, &s->plan, op->environment);
	umask(DEFAULT_UMASK);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		execve(plan_string(&s->plan, op->path), pointers, environment);
	_exit(EXEC_FAILED);
}

int perform_run(struct start *s, const struct op_run *op)
{
	const char *path = plan_string(&s->plan, op->path);
	size_t bytes = ((size_t)op->arguments.count + op->environment.count + 2) * sizeof(char *);
	char **pointers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid();
	int status = 0;
	pid_t pid = pointers == MAP_FAILED ? -1 : fork();
	if (pid == 0)
		become_runtime(s, op, pointers, parent);
	if (pid < 0)
		return fail(s, STEP_RUN_FORK, path);
	munmap(pointers, bytes);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : explain_runtime(s, STEP_RUN_WAIT, op->dir, op->log_file, status);
}

static pid_t read_pid(struct start *s, const struct op_adopt *op)
{
	char text[DECIMAL_BYTES];
	OWNED_FD file = open_in_root(s, op->dir, plan_string(&s->plan, op->pid_file), O_RDONLY, 0, 0);
	ssize_t bytes = file < 0 ? -1 : pread(file, text, sizeof text - 1, 0);
	const char *end;
	if (bytes <= 0)
		return -1;
	text[bytes] = 0;
	pid_t pid = (pid_t)read_decimal(text, &end);
	return end == text || pid <= 1 ? -1 : pid;
}

/* A runtime that puts its containers elsewhere (a virtual machine, a kernel of its own) has left some helper of its own. */
static bool has_root(struct start *s, const struct op_adopt *op, pid_t pid)
{
	char path[PROC_PATH_BYTES];
	char number[DECIMAL_BYTES];
	struct stat wanted, found;
	write_decimal(number, (uint64_t)pid);
	join_text(path, sizeof path, "/proc/", number, "/root/");
	/* One that has ended has none any more. */
	if (fstatat(AT_FDCWD, path, &found, 0) < 0)
		return errno == ENOENT || errno == ESRCH;
	return fstat(slot_fd(s, op->root), &wanted) == 0 && wanted.st_dev == found.st_dev &&
	       wanted.st_ino == found.st_ino;
}

static int take_over(struct start *s, const struct op_adopt *op)
{
	siginfo_t end = {0};
	pid_t pid = read_pid(s, op);
	if (pid < 0)
		return fail(s, STEP_ADOPT_PID, plan_string(&s->plan, op->pid_file));
	OWNED_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return fail(s, STEP_ADOPT_PIDFD_OPEN, NULL);
	/* Only of a child do we hear how it ends; it stays one, so its number is no other's. */
	if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &end, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0) {
		errno = ESRCH;
		return fail(s, STEP_ADOPT_WAITID, NULL);
	}
	if (!has_root(s, op, pid)) {
		sys_pidfd_send_signal(pidfd, SIGKILL);
		errno = ENOTSUP;
		return fail(s, STEP_ADOPT_ROOT, NULL);
	}
	close_quietly(s->child_pidfd);
	s->child = pid;
	s->child_pidfd = take_fd(&pidfd);
	s->clone_flags = op->flags;
	return prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int adopt_process(struct start *s)
{
	const struct op_adopt *op = s->adopt;
	int status = 0;
	int ignored;
	s->op = s->adopt_index;
	attend_runtime(s, slot_fd(s, op->listener));
	while (waitpid(s->child, &status, __WALL) < 0 && errno == EINTR)
		;
	/* Helpers that it has forked and not waited for; what it has started is in a session of its own. */
	while (waitpid(-s->child, &ignored, WNOHANG | __WALL) > 0)
		;
	return status == 0 ? take_over(s, op) : explain_runtime(s, STEP_ADOPT_WAIT, op->dir, op->log_file, status);
}
