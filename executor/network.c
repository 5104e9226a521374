/* The loopback interface of a new network namespace, the one thing in it that is nobody else's to set up. */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kernel.h"
#include "ops.h"

int perform_loopback_up(struct start *s)
{
	struct ifreq request;
	OWNED_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* A kernel without IPv4 has no address to give it. */
	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : fail(s, STEP_LOOPBACK_UP_SOCKET, NULL);
	memset(&request, 0, sizeof request);
	memcpy(request.ifr_name, "lo", sizeof "lo");
	request.ifr_flags = IFF_UP;
	/* Nobody asked for it in so many words, so who may not do it goes without. */
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 && errno != EPERM)
		return fail(s, STEP_LOOPBACK_UP_IOCTL, "lo");
	return 0;
}
