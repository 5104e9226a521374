#include "caller.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "text.h"

#define EXIT_LOST 1
#define SIGNAL_EXIT 128

extern char **environ;

static int say(const char *text)
{
	ssize_t written = write(2, text, strlen(text));
	(void)written;
	return EXIT_LOST;
}

/* The helper is gone. What runs without a record that it does must not stay. */
static int lose(struct start *s)
{
	if (s)
		sys_pidfd_send_signal(s->child_pidfd, SIGKILL);
	return say("tiffin-runtime: the resident helper ended in the middle of the command (delete --force takes away what it left)\n");
}

/* The program outlived the helper: how it ended is known all the same. */
static int outlive(const struct message_exited *ended)
{
	int status = (int)ended->wait_status;
	say("tiffin-runtime: the resident helper ended before the program (delete --force takes away the container of a run)\n");
	return WIFSIGNALED(status) ? SIGNAL_EXIT + WTERMSIG(status) : WEXITSTATUS(status);
}

/* As the front would have done it. The environment says that it has asked. */
static int go_alone(int file, char **words)
{
	syscall(SYS_execveat, file, "", words, environ, AT_EMPTY_PATH);
	return say("tiffin-runtime: the program cannot be executed again\n");
}

/*
 * Whoever waits for the command may end it, as any command; the helper then takes back what it made. Not by a signal
 * that the caller keeps from its commands (nohup).
 */
static void let_signals_end_us(uint64_t spared)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	uint64_t set = 0;
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		set |= UINT64_C(1) << (ending[i] - 1);
	set &= ~spared;
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, sizeof set);
}

/*
 * Closes whatever the caller had open besides the standard streams and `kept`: until it executes its program, the process in
 * the container would hold it, directories of the host too. What is to be preserved has come with START.
 */
static void close_all_but(int *kept, int count)
{
	for (int i = 1; i < count; i++)
		for (int j = i; j > 0 && kept[j - 1] > kept[j]; j--) {
			int larger = kept[j - 1];
			kept[j - 1] = kept[j];
			kept[j] = larger;
		}
	unsigned next = STDERR_FILENO + 1;
	for (int i = 0; i < count; i++) {
		if (kept[i] < (int)next)
			continue;
		if ((unsigned)kept[i] > next)
			sys_close_range(next, (unsigned)kept[i] - 1, 0);
		next = (unsigned)kept[i] + 1;
	}
	sys_close_range(next, ~0u, 0);
}

static struct start *start_program(struct supervisor *v, int *fds, int count, int *file, bool keep_signals)
{
	/* Nothing of the host's own files may be open in a process that is about to divide into a container. */
	close_quietly(take_fd(file));
	int kept[LIMIT_RECEIVED_FDS + 2];
	memcpy(kept, fds, (size_t)count * sizeof *fds);
	kept[count] = v->connections[0].fd;
	close_all_but(kept, count + 1);
	uint64_t spared = prepare_process(v->connections[0].fd);
	if (!keep_signals)
		let_signals_end_us(spared);
	return chdir("/") < 0 ? NULL : run_plan(v, fds, count);
}

int caller_serve(struct supervisor *v, char **argv)
{
	struct connection *helper = &v->connections[0];
	struct control_message message;
	int fds[LIMIT_RECEIVED_FDS + 1];
	int count;
	const char *end;
	struct start *s = NULL;
	struct message_exited ended;
	bool has_ended = false;
	int file = (int)read_decimal(argv[CALLER_FILE], &end);
	helper->fd = (int)read_decimal(argv[CALLER_CONNECTION], &end);
	fcntl(helper->fd, F_SETFD, FD_CLOEXEC);
	fcntl(file, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "tiffin-runtime");
	while (control_await(helper, &message, fds, LIMIT_RECEIVED_FDS + 1, &count)) {
		switch (message.type) {
		case MESSAGE_START:
			if (s || !control_is_whole_start(&message, count))
				return lose(s);
			s = start_program(v, fds, count, &file, argv[CALLER_SIGNALS][0] == '1');
			break;
		case MESSAGE_OUTPUT:
			if (!caller_output(helper, &message.body.output))
				return lose(s);
			break;
		case MESSAGE_AWAIT_EXIT:
			if (!s)
				return lose(s);
			caller_await(helper, s, message.body.await_exit.signals, &ended);
			s->child_pidfd = -1;
			has_ended = true;
			control_send(helper, MESSAGE_EXITED, &ended, sizeof ended, NULL, 0);
			break;
		case MESSAGE_END:
			return (int)message.body.end.code;
		case MESSAGE_ALONE:
			return s ? lose(s) : go_alone(file, argv + CALLER_FIRST_WORD);
		default:
			return lose(s);
		}
	}
	return has_ended ? outlive(&ended) : lose(s);
}
