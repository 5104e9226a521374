/* The last ops before the program runs, and the exec itself. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernel.h"
#include "ops.h"

#define DEFAULT_UMASK 022

int perform_setsid(struct start *s)
{
	if (setsid() < 0)
		return fail(s, STEP_SETSID_SETSID, NULL);
	return 0;
}

int perform_set_rlimit(struct start *s, const struct op_set_rlimit *op)
{
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit = {op->soft, op->hard};
	if (syscall(SYS_prlimit64, 0, op->resource, &limit, NULL) < 0)
		return fail(s, STEP_SET_RLIMIT_PRLIMIT64, NULL);
	return 0;
}

int perform_umask(struct start *s, const struct op_umask *op)
{
	umask((mode_t)op->mask);
	s->umask_chosen = true;
	return 0;
}

int perform_chdir(struct start *s, const struct op_chdir *op)
{
	const char *path = plan_string(&s->plan, op->path);
	char reached[PATH_MAX];
	if (chdir(path) < 0)
		return fail(s, STEP_CHDIR_CHDIR, path);
	/* A descriptor of the host that leaked in would be a way out (/proc/self/fd/N): its path is "(unreachable)". */
	if (syscall(SYS_getcwd, reached, sizeof reached) < 0)
		return fail(s, STEP_CHDIR_GETCWD, path);
	if (reached[0] != '/') {
		errno = EXDEV;
		return fail_explained(s, STEP_CHDIR_GETCWD, path, "the directory is outside of the root");
	}
	return 0;
}

/* The program must not inherit what this process set for itself. Before seccomp, which may forbid these calls. */
static void restore_defaults(struct start *s)
{
	sigset_t none;
	if (s->defaults_restored)
		return;
	s->defaults_restored = true;
	if (!s->umask_chosen)
		umask(DEFAULT_UMASK);
	/* Dispositions are default already (see main.c); only the mask keeps the signals out. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

#define LONGEST_PATIENCE (UINT64_C(1) << 32)

static inline void rest(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * Until the agent has the listener: a program that runs earlier closes it by its exec, and what the agent would have been
 * asked fails. Without any system call, since the filter stands before each of them. The supervisor stops us where it
 * takes long, and kills us where it fails; only when it is gone itself does this turn until patience ends.
 */
static void await_passing(const struct start *s)
{
	for (uint64_t turns = 0; !__atomic_load_n(&s->progress->listener_passed, __ATOMIC_ACQUIRE); turns++) {
		if (turns == LONGEST_PATIENCE)
			__builtin_trap();
		rest();
	}
}

int perform_seccomp(struct start *s, const struct op_seccomp *op)
{
	struct sock_fprog program = {
		.len = (unsigned short)(op->program.count / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)plan_blob(&s->plan, op->program),
	};
	restore_defaults(s);
	uint32_t flags = op->flags | (op->listener == SLOT_NONE ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER);
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (result < 0)
		return fail(s, STEP_SECCOMP_SECCOMP, NULL);
	if (op->listener == SLOT_NONE)
		return 0;
	s->slots[op->listener] = (int)result;
	__atomic_store_n(&s->progress->listener, (int)result + 1, __ATOMIC_RELEASE);
	await_passing(s);
	return 0;
}

_Noreturn void perform_finish(struct start *s)
{
	s->progress->state = PROGRESS_EXECUTING;
	_exit(0);
}

int perform_exec(struct start *s, const struct op_exec *op)
{
	const char *candidate = plan_string(&s->plan, op->candidates.offset);
	int remembered = ENOENT;
	restore_defaults(s);
	for (uint32_t i = 0; i < op->candidates.count; i++, candidate = plan_next_string(candidate)) {
		s->progress->state = PROGRESS_EXECUTING;
		execve(candidate, s->arguments, s->environment);
		if (errno == EACCES)
			remembered = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR) {
			remembered = errno;
			break;
		}
	}
	errno = remembered;
	return fail(s, STEP_EXEC_EXECVE, s->arguments[0]);
}
