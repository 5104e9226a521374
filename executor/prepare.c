/* The process itself, before it performs a plan. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "kernel.h"
#include "supervisor.h"

#define LAST_SIGNAL 64

uint64_t prepare_process(int controller)
{
	const uint64_t all = UINT64_MAX;
	uint64_t blocked = 0;
	uint64_t ignored = 0;
	/* A closed standard descriptor would be given to something internal and end up in a container. */
	while (true) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0 || fd > 2) {
			close_quietly(fd);
			break;
		}
		fcntl(fd, F_SETFD, 0);
	}
	fcntl(controller, F_SETFD, FD_CLOEXEC);
	/* Blocked instead of ignored: SIGTERM, SIGHUP and SIGPIPE must not end us, and the child only needs a new mask. */
	for (int number = 1; number <= LAST_SIGNAL; number++)
		if (signal(number, SIG_DFL) == SIG_IGN)
			ignored |= UINT64_C(1) << (number - 1);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &blocked, sizeof blocked);
	/* Modes in plans are exact. */
	umask(0);
	/* Nothing in a container may look into this program while the two share a namespace (CVE-2019-5736). */
	if (geteuid() == 0)
		prctl(PR_SET_DUMPABLE, 0);
	return ignored | blocked;
}
