/*
 * reaper PROGRAM [ARGUMENT...]: runs the program and waits for every process that its children leave behind, at once. The first
 * process of a machine may take its time with that, two seconds on some, and a pid namespace ends no sooner.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_STARTED 127
#define SIGNALLED 128

int main(int argc, char **argv)
{
	if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return NOT_STARTED;
	pid_t program = fork();
	if (program < 0) {
		perror("fork");
		return NOT_STARTED;
	}
	if (program == 0) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(NOT_STARTED);
	}
	for (;;) {
		int status;
		pid_t ended = wait(&status);
		if (ended < 0 && errno != EINTR)
			return NOT_STARTED;
		if (ended == program)
			return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
	}
}
