/* Programs of the OCI configuration that run inside of the container's namespaces during its start. */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kernel.h"
#include "ops.h"
#include "text.h"

#define HOOK_PID_BYTES 10
#define DEFAULT_UMASK 022
#define EXEC_FAILED 127

static void fill(char **to, const struct plan *plan, struct abi_range range)
{
	const char *text = plan_string(plan, range.offset);
	for (uint32_t i = 0; i < range.count; i++, text = plan_next_string(text))
		to[i] = (char *)(uintptr_t)text;
	to[range.count] = NULL;
}

static _Noreturn void become_hook(struct start *s, const struct op_hook *op, char **pointers, int input)
{
	sigset_t none;
	char **environment = pointers + op->arguments.count + 1;
	fill(pointers, &s->plan, op->arguments);
	fill(environment, &s->plan, op->environment);
	umask(DEFAULT_UMASK);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Everything else is closed by exec; a descriptor of ours that is not marked must not reach the hook. */
	if (dup3(input, 0, 0) == 0 && sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		execve(plan_string(&s->plan, op->path), pointers, environment);
	_exit(EXEC_FAILED);
}

/*
 * The input with the pid written into it, as the container sees it, where the hook runs; a pipe holds it whole up to 64 KiB, more is
 * written as it is read.
 */
static int write_input(struct start *s, const struct op_hook *op, int fd)
{
	const uint8_t *input = plan_blob(&s->plan, op->input);
	char pid[DECIMAL_BYTES];
	char padded[HOOK_PID_BYTES];
	write_decimal(pid, (uint64_t)getpid());
	memset(padded, ' ', sizeof padded);
	memcpy(padded, pid, strlen(pid));
	for (uint32_t done = 0; done < op->input.count;) {
		const void *part = input + done;
		size_t bytes = op->input.count - done;
		if (done < op->pid_offset)
			bytes = op->pid_offset - done;
		else if (done < op->pid_offset + HOOK_PID_BYTES) {
			part = padded + (done - op->pid_offset);
			bytes = op->pid_offset + HOOK_PID_BYTES - done;
		}
		ssize_t written = write(fd, part, bytes);
		/* A hook need not read what it is told. */
		if (written < 0 && errno == EPIPE)
			return 0;
		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0)
			done += (uint32_t)written;
	}
	return 0;
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

static int await_hook(struct start *s, const struct op_hook *op, pid_t pid)
{
	const char *path = plan_string(&s->plan, op->path);
	OWNED_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd wanted = {.fd = pidfd, .events = POLLIN};
	int status = 0;
	int ready = pidfd < 0 ? 0 : poll(&wanted, 1, op->timeout_ms == 0 ? -1 : (int)op->timeout_ms);
	if (ready <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (ready <= 0) {
		errno = ETIMEDOUT;
		return fail_explained(s, STEP_HOOK_WAIT, path, "did not end in time and was killed");
	}
	return status == 0 ? 0 : explain_end(s, path, status);
}

int perform_hook(struct start *s, const struct op_hook *op)
{
	const char *path = plan_string(&s->plan, op->path);
	int ends[2];
	size_t bytes = ((size_t)op->arguments.count + op->environment.count + 2) * sizeof(char *);
	char **pointers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pointers == MAP_FAILED || pipe2(ends, O_CLOEXEC) < 0)
		return fail(s, STEP_HOOK_PIPE2, path);
	pid_t pid = fork();
	if (pid == 0)
		become_hook(s, op, pointers, ends[0]);
	close_quietly(ends[0]);
	OWNED_FD input = ends[1];
	munmap(pointers, bytes);
	if (pid < 0)
		return fail(s, STEP_HOOK_FORK, path);
	if (write_input(s, op, input) < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
		return fail(s, STEP_HOOK_WRITE, path);
	}
	close_quietly(take_fd(&input));
	return await_hook(s, op, pid);
}
