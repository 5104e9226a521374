/*
 * The socket's name says which file the helper runs: device, inode and time of its last change. A name is easily taken, so
 * whoever listens there is looked at before it is asked anything (peer.h); the helper looks at the front in the same way,
 * and keeps silent when the two are not alike.
 */
#include "helper.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "../caller.h"
#include "../generated/front.h"
#include "../kernel.h"
#include "../text.h"
#include "peer.h"

/* A helper that does not answer in this time is not worth waiting for. */
#define HELLO_LIMIT_MS 2000
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
	if (!name_socket(file, &address))
		return -1;
	/* One that has not accepted for a thousand connections is not waited for either. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	close(fd);
	return -1;
}

struct words {
	char *bytes;
	uint32_t length;
	bool fits;
};

static void add(struct words *w, const char *text)
{
	size_t length = strlen(text) + 1;
	if (length > HELPER_REQUEST_BYTES - w->length) {
		w->fits = false;
		return;
	}
	memcpy(w->bytes + w->length, text, length);
	w->length += (uint32_t)length;
}

static void *pages(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

/* Fails also when one of the three standard descriptors is closed, or the working directory has no path any more. */
static bool send_request(int fd, int word_count, char **words, char **environment)
{
	struct words w = {.bytes = pages(HELPER_REQUEST_BYTES), .fits = true};
	if (!w.bytes)
		return false;
	long directory_bytes = syscall(SYS_getcwd, w.bytes, HELPER_REQUEST_BYTES);
	if (directory_bytes <= 0 || w.bytes[0] != '/')
		return false;
	w.length = (uint32_t)directory_bytes;
	for (int i = 1; i < word_count; i++)
		add(&w, words[i]);
	for (; *environment; environment++)
		add(&w, *environment);
	if (!w.fits)
		return false;
	struct abi_message_header header = {MESSAGE_REQUEST, sizeof(struct message_request)};
	struct message_request body = {.bytes = w.length, .argument_count = (uint32_t)word_count - 1};
	struct iovec parts[] = {{&header, sizeof header}, {&body, sizeof body}, {w.bytes, w.length}};
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
	return sent == (ssize_t)(sizeof header + sizeof body + w.length);
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
	char **list = pages(((size_t)word_count + variables + CALLER_FIRST_WORD + 3) * sizeof(char *));
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

static bool heard_hello(struct connection *helper)
{
	struct control_message message;
	int count;
	int fd;
	return poll(&(struct pollfd){.fd = helper->fd, .events = POLLIN}, 1, HELLO_LIMIT_MS) == 1 &&
	       control_await(helper, &message, &fd, 1, &count) && message.type == MESSAGE_HELLO;
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
	bool asked = peer_is_own(helper.fd, file, &peer) && heard_hello(&helper) && peer_is_silent(helper.fd, &peer) &&
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
