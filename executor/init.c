/*
 * The optional PID 1: forwards every signal to the main process, reaps whatever ends, and leaves as the main
 * process left. It keeps no descriptor and none of the plan.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "kernel.h"
#include "ops.h"

#define SIGNALED_BASE 128

/* Reaps all that has ended. True: the main process was among them, and `status` is its wait status. */
static bool reap(pid_t main_process, int *status)
{
	bool found = false;
	for (;;) {
		int one;
		pid_t pid = waitpid(-1, &one, WNOHANG | __WALL);
		if (pid <= 0)
			return found;
		if (pid == main_process) {
			*status = one;
			found = true;
		}
	}
}

static _Noreturn void leave_as(int status)
{
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	int number = WTERMSIG(status);
	/* Outside of a pid namespace the true way to say "ended by a signal"; PID 1 is immune to its own signals. */
	if (getpid() != 1) {
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_UNBLOCK, &all, NULL);
		raise(number);
	}
	_exit(SIGNALED_BASE + number);
}

static _Noreturn void run_init(struct start *s, pid_t main_process)
{
	sigset_t all;
	int status = 0;
	prctl(PR_SET_NAME, "tiffin-init");
	munmap(s->progress, s->progress_bytes);
	sys_close_range(0, ~0u, 0);
	sigfillset(&all);
	for (;;) {
		int number = sigwaitinfo(&all, NULL);
		if (number == SIGCHLD) {
			if (reap(main_process, &status))
				leave_as(status);
		} else if (number > 0) {
			kill(main_process, number);
		}
	}
}

/*
 * With a terminal that was taken before the fork, the main process becomes the foreground job of its own: what is
 * typed at the terminal then signals it once, not again through PID 1. SIGTTOU is blocked here.
 */
static void take_foreground(void)
{
	pid_t foreground;
	if (ioctl(0, TIOCGPGRP, &foreground) < 0)
		return;
	pid_t own = getpid();
	setpgid(0, 0);
	ioctl(0, TIOCSPGRP, &own);
}

int perform_init(struct start *s)
{
	sigset_t all, before;
	/* Blocked before the fork, so that no signal to PID 1 and no SIGCHLD can be lost or ignored. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = fork();
	if (pid < 0)
		return fail(s, STEP_INIT_FORK, NULL);
	if (pid > 0)
		run_init(s, pid);
	take_foreground();
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* fork clears it; outside of a pid namespace this chain is all that ends the main process. */
	if (s->dies_with_supervisor)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}
