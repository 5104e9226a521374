/* Programs of the OCI configuration that run inside of the container's namespaces during its start. */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kernel.h"
#include "ops.h"
#include "text.h"

#define DEFAULT_UMASK 022
#define EXEC_FAILED 127
#define NS_PER_MS UINT64_C(1000000)

static _Noreturn void become_hook(struct start *s, const struct op_hook *op, char **pointers, int input)
{
	sigset_t none;
	char **environment = pointers + plan_fill_pointers(pointers, &s->plan, op->arguments);
	plan_fill_pointers(environment, &s->plan, op->environment);
	umask(DEFAULT_UMASK);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Everything else is closed by exec; a descriptor of ours that is not marked must not reach the hook. */
	if (dup3(input, 0, 0) == 0 && sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		execve(plan_string(&s->plan, op->path), pointers, environment);
	_exit(EXEC_FAILED);
}

/* The signal of a failed write: it is blocked, and would end whoever is executed with it pending. */
static void forget_broken_pipe(void)
{
	const uint64_t only = UINT64_C(1) << (SIGPIPE - 1);
	const struct timespec now = {0};
	syscall(SYS_rt_sigtimedwait, &only, NULL, &now, sizeof only);
}

/*
 * The input with the pid written into it, as the container sees it, where the hook runs: what the pipe takes now, from
 * `*done` on. False: writing failed.
 */
static bool write_input(struct start *s, const struct op_hook *op, int fd, uint32_t *done)
{
	const uint8_t *input = plan_blob(&s->plan, op->input);
	char pid[DECIMAL_BYTES];
	char padded[PID_BYTES];
	write_decimal(pid, (uint64_t)getpid());
	memset(padded, ' ', sizeof padded);
	memcpy(padded, pid, strlen(pid));
	while (*done < op->input.count) {
		const void *part = input + *done;
		size_t bytes = op->input.count - *done;
		if (*done < op->pid_offset)
			bytes = op->pid_offset - *done;
		else if (*done < op->pid_offset + PID_BYTES) {
			part = padded + (*done - op->pid_offset);
			bytes = op->pid_offset + PID_BYTES - *done;
		}
		ssize_t written = write(fd, part, bytes);
		if (written > 0)
			*done += (uint32_t)written;
		else if (written < 0 && errno == EAGAIN)
			return true;
		/* A hook need not read what it is told. */
		else if (written < 0 && errno == EPIPE) {
			forget_broken_pipe();
			*done = op->input.count;
		} else if (written < 0 && errno != EINTR)
			return false;
	}
	return true;
}

static int explain_end(struct start *s, const char *path, int status)
{
	char number[DECIMAL_BYTES];
	char text[64];
	bool exited = WIFEXITED(status);
	write_decimal(number, (uint64_t)(exited ? WEXITSTATUS(status) : WTERMSIG(status)));
	join_text(text, sizeof text, exited ? "exited with " : "ended by signal ", number, "");
	errno = EIO;
	return fail_explained(s, STEP_HOOK_WAIT, path, text);
}

enum hook_end { HOOK_ENDED, HOOK_LATE, HOOK_UNHEARD };

/* Milliseconds for poll(2) until `deadline_ns`, -1 without one. */
static int time_left(uint64_t deadline_ns)
{
	if (deadline_ns == 0)
		return -1;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t left = now >= deadline_ns ? 0 : (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Tells the hook what it is to know and waits for its end; its time runs while it does not read as well. */
static enum hook_end attend_hook(struct start *s, const struct op_hook *op, int pidfd, int *input)
{
	uint64_t deadline_ns = op->timeout_ms == 0 ? 0 : clock_ns(CLOCK_MONOTONIC) + op->timeout_ms * NS_PER_MS;
	uint32_t done = 0;
	for (;;) {
		if (*input >= 0 && !write_input(s, op, *input, &done))
			return HOOK_UNHEARD;
		if (done == op->input.count)
			close_quietly(take_fd(input));
		struct pollfd wanted[] = {{.fd = pidfd, .events = POLLIN}, {.fd = *input, .events = POLLOUT}};
		int ready = poll(wanted, 2, time_left(deadline_ns));
		if (ready == 0 && time_left(deadline_ns) == 0)
			return HOOK_LATE;
		if (ready > 0 && wanted[0].revents)
			return HOOK_ENDED;
	}
}

static int await_hook(struct start *s, const struct op_hook *op, pid_t pid, int *input)
{
	const char *path = plan_string(&s->plan, op->path);
	OWNED_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool watched = pidfd >= 0;
	enum hook_end end = watched ? attend_hook(s, op, pidfd, input) : HOOK_UNHEARD;
	int error = errno;
	int status = 0;
	if (end != HOOK_ENDED)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (end == HOOK_ENDED)
		return status == 0 ? 0 : explain_end(s, path, status);
	if (end == HOOK_LATE) {
		errno = ETIMEDOUT;
		return fail_explained(s, STEP_HOOK_WAIT, path, "did not end in time and was killed");
	}
	errno = error;
	return fail(s, watched ? STEP_HOOK_WRITE : STEP_HOOK_WAIT, path);
}

int perform_hook(struct start *s, const struct op_hook *op)
{
	const char *path = plan_string(&s->plan, op->path);
	int ends[2];
	size_t bytes = ((size_t)op->arguments.count + op->environment.count + 2) * sizeof(char *);
	char **pointers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pointers == MAP_FAILED || pipe2(ends, O_CLOEXEC) < 0)
		return fail(s, STEP_HOOK_PIPE2, path);
	OWNED_FD input = ends[1];
	/* Our end alone: the hook's blocks as it expects. */
	fcntl(input, F_SETFL, O_NONBLOCK);
	pid_t pid = fork();
	if (pid == 0)
		become_hook(s, op, pointers, ends[0]);
	close_quietly(ends[0]);
	munmap(pointers, bytes);
	if (pid < 0)
		return fail(s, STEP_HOOK_FORK, path);
	return await_hook(s, op, pid, &input);
}
