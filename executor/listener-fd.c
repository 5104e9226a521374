/* Hands the listener of the child's seccomp filter to an agent of the host. */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel.h"
#include "ops.h"
#include "text.h"

#define LOOK_AGAIN_NS 50000

/*
 * The number of the listener in the child, or -1 when the child has ended without one. The child cannot wake us: it must
 * make no call. It is about to install the filter when this is called, so it is not long.
 */
static int await_listener(const struct start *s)
{
	for (;;) {
		int found = __atomic_load_n(&s->progress->listener, __ATOMIC_ACQUIRE);
		if (found > 0)
			return found - 1;
		struct pollfd child = {.fd = s->child_pidfd, .events = POLLIN};
		struct timespec soon = {.tv_nsec = LOOK_AGAIN_NS};
		if (syscall(SYS_ppoll, &child, 1, &soon, NULL, 0) > 0) {
			errno = ECHILD;
			return -1;
		}
	}
}

static void write_pids(const struct start *s, const struct op_pass_listener *op, uint8_t *message)
{
	char pid[DECIMAL_BYTES];
	write_decimal(pid, (uint64_t)s->child);
	for (uint32_t at = 0; at < op->pid_offsets.count; at += 4) {
		uint32_t offset;
		memcpy(&offset, plan_blob(&s->plan, op->pid_offsets) + at, sizeof offset);
		memset(message + offset, ' ', PID_BYTES);
		memcpy(message + offset, pid, strlen(pid));
	}
}

static int send_listener(int socket, void *bytes, size_t count, int listener)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec part = {bytes, count};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof listener), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &listener, sizeof listener);
	return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)count ? 0 : -1;
}

int perform_pass_listener(struct start *s, const struct op_pass_listener *op)
{
	int number = await_listener(s);
	if (number < 0)
		return fail(s, STEP_PASS_LISTENER_WAIT, NULL);
	OWNED_FD listener = (int)syscall(SYS_pidfd_getfd, s->child_pidfd, number, 0);
	if (listener < 0)
		return fail(s, STEP_PASS_LISTENER_PIDFD_GETFD, NULL);
	size_t count = op->message.count;
	uint8_t *message = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (message == MAP_FAILED)
		return fail(s, STEP_PASS_LISTENER_SENDMSG, NULL);
	memcpy(message, plan_blob(&s->plan, op->message), count);
	write_pids(s, op, message);
	/* It waits by turning in a loop (see process.c), and the agent may take its time to read. */
	sys_pidfd_send_signal(s->child_pidfd, SIGSTOP);
	int sent = send_listener(slot_fd(s, op->socket), message, count, listener);
	munmap(message, count);
	if (sent < 0)
		return fail_slot(s, STEP_PASS_LISTENER_SENDMSG, op->socket);
	__atomic_store_n(&s->progress->listener_passed, 1, __ATOMIC_RELEASE);
	sys_pidfd_send_signal(s->child_pidfd, SIGCONT);
	slot_close(s, op->socket);
	return 0;
}
