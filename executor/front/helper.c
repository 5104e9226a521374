/*
 * The socket's name says which file the helper runs: device, inode and time of its last change. A name is easily taken, so
 * whoever listens there is looked at before it is asked anything (peer.h); the helper looks at the front in the same way,
 * and keeps silent when the two are not alike.
 */
#include "helper.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "../caller.h"
#include "../generated/front.h"
#include "../kernel.h"
#include "../text.h"
#include "ask.h"
#include "peer.h"

#define NUMBER_BYTES 16
/* Our own word for `off`, when the helper has said no. The program takes it out of what it hands on. */
#define ASKED HELPER_ASKED_VARIABLE "=1"

static char *write_hex(char *to, uint64_t value)
{
	for (int i = HELPER_NAME_DIGITS - 1; i >= 0; i--, value >>= 4)
		to[i] = "0123456789abcdef"[value & 15];
	return to + HELPER_NAME_DIGITS;
}

static bool name_socket(int file, struct sockaddr_un *address)
{
	struct stat found;
	char *at = address->sun_path + sizeof HELPER_DIRECTORY - 1;
	if (fstat(file, &found) < 0)
		return false;
	memcpy(address->sun_path, HELPER_DIRECTORY, sizeof HELPER_DIRECTORY - 1);
	at = write_hex(at, found.st_dev);
	at = write_hex(at, found.st_ino);
	*write_hex(at, (uint64_t)found.st_mtim.tv_sec * 1000000000u + (uint64_t)found.st_mtim.tv_nsec) = 0;
	return true;
}

static int connect_helper(int file)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	return name_socket(file, &address) ? ask_connect(&address) : -1;
}

/* Fails also when one of the three standard descriptors is closed, or the working directory has no path any more. */
static bool send_request(int fd, int word_count, char **words, char **environment)
{
	struct asked asked;
	if (!ask_gather(&asked, word_count - 1, words + 1, environment))
		return false;
	struct abi_message_header header = {MESSAGE_REQUEST, sizeof(struct message_request)};
	struct message_request body = {.bytes = asked.length, .argument_count = (uint32_t)word_count - 1};
	struct iovec parts[] = {{&header, sizeof header}, {&body, sizeof body}, {asked.bytes, asked.length}};
	union {
		char bytes[CMSG_SPACE(HELPER_REQUEST_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr message = {
		.msg_iov = parts, .msg_iovlen = 3, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	const int standard[HELPER_REQUEST_FDS] = {0, 1, 2};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof standard), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), standard, sizeof standard);
	/* Smaller than the socket's buffer, so it goes whole or not at all. */
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	return sent == (ssize_t)(sizeof header + sizeof body + asked.length);
}

/* The executor takes this process over, with the connection and the words to do the command alone after all. */
static void become(int program, int connection, int file, bool keep_signals, int word_count, char **words,
		   char **environment)
{
	static char executor_name[] = EXECUTOR_NAME, option[] = CALLER_OPTION, asked[] = ASKED;
	static char yes[] = "1", no[] = "0";
	static char numbers[2][NUMBER_BYTES * 2];
	size_t variables = 0;
	while (environment[variables])
		variables++;
	char **list = ask_pages(((size_t)word_count + variables + CALLER_FIRST_WORD + 3) * sizeof(char *));
	if (!list)
		return;
	char **new_words = list;
	write_decimal(numbers[0], (uint64_t)connection);
	write_decimal(numbers[1], (uint64_t)file);
	*list++ = executor_name;
	*list++ = option;
	*list++ = numbers[0];
	*list++ = numbers[1];
	*list++ = keep_signals ? yes : no;
	for (int i = 0; i < word_count; i++)
		*list++ = words[i];
	*list++ = NULL;
	char **new_environment = list;
	for (size_t i = 0; i < variables; i++)
		*list++ = environment[i];
	*list++ = asked;
	fcntl(connection, F_SETFD, 0);
	fcntl(file, F_SETFD, 0);
	syscall(SYS_execveat, program, "", new_words, new_environment, AT_EMPTY_PATH);
	fcntl(connection, F_SETFD, FD_CLOEXEC);
	fcntl(file, F_SETFD, FD_CLOEXEC);
}

void ask_helper(int file, int word_count, char **words, char **environment)
{
	struct connection helper = {.kind = CONNECTION_CONTROL, .fd = connect_helper(file)};
	struct control_message message;
	struct helper_peer peer = {.directory = -1};
	int program;
	int count;
	if (helper.fd < 0)
		return;
	bool asked = peer_is_own(helper.fd, file, &peer) && ask_heard_hello(&helper) && peer_is_silent(helper.fd, &peer) &&
		     send_request(helper.fd, word_count, words, environment) && peer_speaks(helper.fd, &peer);
	close_quietly(peer.directory);
	while (asked && control_await(&helper, &message, &program, 1, &count)) {
		if (message.type == MESSAGE_END)
			_exit((int)message.body.end.code);
		if (message.type == MESSAGE_OUTPUT && caller_output(&helper, &message.body.output))
			continue;
		if (message.type == MESSAGE_BECOME && count == 1)
			become(program, helper.fd, file, message.body.become.keep_signals != 0, word_count, words,
			       environment);
		/* Also `alone`, and a helper that has gone. */
		break;
	}
	close(helper.fd);
}
