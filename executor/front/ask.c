#include "ask.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../generated/front.h"
#include "../kernel.h"

/* One that does not answer in this time is not worth waiting for. */
#define HELLO_LIMIT_MS 2000

int ask_connect(const struct sockaddr_un *address)
{
	/* One that has not accepted for a thousand connections is not waited for either. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 && fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	close(fd);
	return -1;
}

bool ask_heard_hello(struct connection *listener)
{
	struct control_message message;
	int count;
	int fd;
	return poll(&(struct pollfd){.fd = listener->fd, .events = POLLIN}, 1, HELLO_LIMIT_MS) == 1 &&
	       control_await(listener, &message, &fd, 1, &count) && message.type == MESSAGE_HELLO;
}

void *ask_pages(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static bool add(struct asked *asked, const char *text)
{
	size_t length = strlen(text) + 1;
	if (length > HELPER_REQUEST_BYTES - asked->length)
		return false;
	memcpy(asked->bytes + asked->length, text, length);
	asked->length += (uint32_t)length;
	return true;
}

bool ask_gather(struct asked *asked, int word_count, char **words, char **environment)
{
	bool fits = true;
	asked->bytes = ask_pages(HELPER_REQUEST_BYTES);
	if (!asked->bytes)
		return false;
	long directory_bytes = syscall(SYS_getcwd, asked->bytes, HELPER_REQUEST_BYTES);
	if (directory_bytes <= 0 || asked->bytes[0] != '/')
		return false;
	asked->length = (uint32_t)directory_bytes;
	for (int i = 0; fits && i < word_count; i++)
		fits = add(asked, words[i]);
	for (; fits && *environment; environment++)
		fits = add(asked, *environment);
	return fits;
}
