/*
 * The engine listens for fronts beside its own socket, with the same rights. What it gets are words, directory and environment,
 * which an HTTP request could have held too; the descriptors stay here, and so does whatever a path of the caller leads to. Whoever
 * listens there is looked at first, as a resident helper is (peer.h).
 */
#include "engine.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../generated/front.h"
#include "../kernel.h"
#include "ask.h"
#include "peer.h"
#include "talk.h"

#define LOST "tiffin: the connection to the engine was lost\n"
#define LOST_EXIT 125

enum heard { HEARD_ALL, HEARD_ALONE, HEARD_NOTHING };

static const char *value_of(char **environment, const char *name)
{
	size_t length = strlen(name);
	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0)
			return *environment + length;
	return NULL;
}

#define LIMIT_PATH_BYTES 4096

/* A context leads elsewhere, or may; what it is the program behind this one reads. */
static bool has_context(char **environment)
{
	static const char *const names[] = {ENGINE_CONTEXT_VARIABLES};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *name = value_of(environment, names[i]);
		if (name && *name)
			return true;
	}
	const char *directory = value_of(environment, "DOCKER_CONFIG=");
	const char *below = ENGINE_CONTEXT_FILE;
	if (!directory || !*directory) {
		directory = value_of(environment, "HOME=");
		directory = directory && *directory ? directory : "/root";
		below = "/.docker" ENGINE_CONTEXT_FILE;
	}
	char path[LIMIT_PATH_BYTES];
	size_t length = strlen(directory);
	if (length + strlen(below) >= sizeof path)
		return true;
	memcpy(path, directory, length);
	memcpy(path + length, below, strlen(below) + 1);
	return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/* As the command line chooses it: an empty variable is none. NULL: not by a path. */
static const char *api_path(char **environment)
{
	static const char *const names[] = {ENGINE_ADDRESS_VARIABLES};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *address = value_of(environment, names[i]);
		if (!address || !*address)
			continue;
		const size_t scheme = sizeof ENGINE_SCHEME - 1;
		return strncmp(address, ENGINE_SCHEME, scheme) == 0 && address[scheme] == '/' ? address + scheme : NULL;
	}
	return has_context(environment) ? NULL : ENGINE_DEFAULT_PATH;
}

static int connect_engine(char **environment)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = api_path(environment);
	size_t length = path ? strlen(path) : 0;
	if (!path || length + sizeof ENGINE_SUFFIX > sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, length);
	memcpy(address.sun_path + length, ENGINE_SUFFIX, sizeof ENGINE_SUFFIX);
	return ask_connect(&address);
}

static bool send_command(struct talk *talk, int word_count, char **words, char **environment)
{
	struct asked asked;
	if (!ask_gather(&asked, word_count, words, environment) || !talk_send_windows(talk))
		return false;
	struct message_command body = {
		.bytes = asked.length, .argument_count = (uint32_t)word_count, .terminals = terminals()};
	return talk_send(talk, MESSAGE_COMMAND, &body, sizeof body, asked.bytes, asked.length);
}

static bool hear_lost(struct talk *talk, const struct message_when_lost *body)
{
	/* It is sent in one piece with the message, and is shorter than what a socket takes at a time. */
	if (body->bytes > sizeof talk->lost)
		return false;
	talk->lost_bytes = body->bytes;
	talk->lost_code = (int)body->code;
	return recv(talk->engine.fd, talk->lost, body->bytes, MSG_WAITALL) == (ssize_t)body->bytes;
}

/* All that has come so far. */
static enum heard hear(struct talk *talk)
{
	struct control_message message;
	int received;
	while ((received = control_receive(&talk->engine, &message)) == 1) {
		bool goes_on = true;
		talk->unanswered = 0;
		switch (message.type) {
		case MESSAGE_OUTPUT:
			goes_on = write_output(talk, &message.body.output);
			break;
		case MESSAGE_CATCH_SIGNALS:
			catch_signals(talk, message.body.catch_signals.signals);
			break;
		case MESSAGE_RAW_INPUT:
			set_raw_input(message.body.raw_input.on != 0);
			break;
		case MESSAGE_READ_INPUT:
			talk->wanted = message.body.read_input.bytes;
			break;
		case MESSAGE_WHEN_LOST:
			goes_on = hear_lost(talk, &message.body.when_lost);
			break;
		case MESSAGE_LEAVE:
			if (message.body.leave.anyway || (!talk->failed[STDOUT_FILENO] && !talk->failed[STDERR_FILENO]))
				leave((int)message.body.leave.code);
			break;
		case MESSAGE_ALONE:
			return HEARD_ALONE;
		default:
			return HEARD_NOTHING;
		}
		if (!goes_on)
			return HEARD_NOTHING;
	}
	return received < 0 ? HEARD_NOTHING : HEARD_ALL;
}

/* Until the command is over, which ends this process, or is not for the engine. */
static enum heard converse(struct talk *talk)
{
	enum heard heard = HEARD_ALL;
	while (heard == HEARD_ALL) {
		struct pollfd table[] = {
			{.fd = talk->engine.fd, .events = POLLIN},
			{.fd = talk->signals, .events = POLLIN},
			{.fd = talk->wanted > 0 ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(table, 3, -1) < 0)
			continue;
		if ((table[1].revents && !tell_signal(talk)) || (table[2].revents && !tell_input(talk)))
			heard = HEARD_NOTHING;
		/* What it said before it was gone still counts. */
		if (table[0].revents || heard == HEARD_NOTHING)
			heard = hear(talk);
	}
	return heard;
}

void ask_engine(int file, int word_count, char **words, char **environment)
{
	struct talk talk = {.engine = {.kind = CONNECTION_CONTROL, .fd = connect_engine(environment)}, .signals = -1};
	struct helper_peer peer = {.directory = -1};
	if (talk.engine.fd < 0)
		return;
	bool asked = peer_is_own(talk.engine.fd, file, &peer) && ask_heard_hello(&talk.engine) &&
		     peer_is_silent(talk.engine.fd, &peer) && send_command(&talk, word_count - 1, words + 1, environment);
	/* Somebody else who has got the words can do nothing with them that he is told to be for. */
	asked = asked && peer_speaks(talk.engine.fd, &peer);
	close_quietly(peer.directory);
	if (asked && converse(&talk) == HEARD_NOTHING) {
		set_raw_input(false);
		const char *text = talk.lost_bytes ? talk.lost : LOST;
		if (write(STDERR_FILENO, text, talk.lost_bytes ? talk.lost_bytes : sizeof LOST - 1) < 0)
			leave(LOST_EXIT);
		leave(talk.lost_bytes ? talk.lost_code : LOST_EXIT);
	}
	catch_signals(&talk, 0);
	close(talk.engine.fd);
}
