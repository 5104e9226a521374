/* The socket through which a later engine, and attach clients, find this process. */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "kernel.h"
#include "supervisor.h"

#define BACKLOG 64

int listener_open(struct supervisor *v, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(name) >= sizeof address.sun_path || strchr(name, '/')) {
		errno = EINVAL;
		return -1;
	}
	strcpy(address.sun_path, name);
	v->listener_name = name;
	v->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (v->directory < 0 || v->listener < 0)
		return -1;
	/* The mode is right from the first moment on. */
	umask(0177);
	int bound = bind(v->listener, (const struct sockaddr *)&address, sizeof address);
	umask(0);
	return bound < 0 ? -1 : listen(v->listener, BACKLOG);
}

struct connection *connection_free_slot(struct supervisor *v, enum connection_kind kind, int fd)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *found = &v->connections[i];
		if (found->kind != CONNECTION_FREE)
			continue;
		*found = (struct connection){.kind = kind, .fd = fd};
		return found;
	}
	return NULL;
}

void listener_accept(struct supervisor *v)
{
	struct ucred peer;
	socklen_t bytes = sizeof peer;
	int fd = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	bool trusted = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.uid == geteuid();
	if (!trusted || !connection_free_slot(v, CONNECTION_CONTROL, fd))
		close(fd);
}

void listener_close(struct supervisor *v)
{
	if (v->listener < 0)
		return;
	unlinkat(v->directory, v->listener_name, 0);
	close_quietly(take_fd(&v->listener));
}
