#include "talk.h"

#include <asm/termbits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../kernel.h"

/* Whoever asks for the end this often does not want to wait for an engine that hangs. */
#define ENDS_TO_GIVE_UP 3
#define INPUT_BYTES 65536u
#define SIGNAL_EXIT 128

static struct termios cooked;
static bool is_raw;

bool talk_send(struct talk *talk, uint32_t type, const void *body, uint32_t body_bytes, const void *more, uint32_t more_bytes)
{
	struct abi_message_header header = {type, body_bytes};
	struct iovec parts[] = {
		{&header, sizeof header},
		{(void *)(uintptr_t)body, body_bytes},
		{(void *)(uintptr_t)more, more_bytes},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	ssize_t left = (ssize_t)(sizeof header + body_bytes + more_bytes);
	while (left > 0) {
		ssize_t sent = sendmsg(talk->engine.fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		left -= sent;
		for (size_t i = 0; i < 3 && sent > 0; i++) {
			size_t gone = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
			parts[i].iov_base = (char *)parts[i].iov_base + gone;
			parts[i].iov_len -= gone;
			sent -= (ssize_t)gone;
		}
	}
	return true;
}

uint32_t terminals(void)
{
	struct termios state;
	uint32_t found = 0;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (ioctl(fd, TCGETS, &state) == 0)
			found |= 1u << fd;
	return found;
}

bool talk_send_windows(struct talk *talk)
{
	struct winsize size;
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) < 0)
			continue;
		struct message_window body = {.fd = (uint32_t)fd, .rows = size.ws_row, .columns = size.ws_col};
		if (!talk_send(talk, MESSAGE_WINDOW, &body, sizeof body, NULL, 0))
			return false;
	}
	return true;
}

void catch_signals(struct talk *talk, uint64_t signals)
{
	/* The kernel's set is these 64 bits, in the same order. */
	static uint64_t caught;
	uint64_t freed = caught & ~signals;
	if (signals == caught)
		return;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &signals, NULL, sizeof signals);
	if (signals != 0 || talk->signals >= 0)
		talk->signals = (int)syscall(SYS_signalfd4, talk->signals, &signals, sizeof signals, SFD_CLOEXEC | SFD_NONBLOCK);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &freed, NULL, sizeof freed);
	caught = signals;
}

void set_raw_input(bool on)
{
	if (on == is_raw)
		return;
	if (!on) {
		ioctl(STDIN_FILENO, TCSETS, &cooked);
		is_raw = false;
		return;
	}
	if (ioctl(STDIN_FILENO, TCGETS, &cooked) < 0)
		return;
	struct termios raw = cooked;
	raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	is_raw = ioctl(STDIN_FILENO, TCSETS, &raw) == 0;
}

static bool is_ending(uint32_t number)
{
	return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

bool tell_signal(struct talk *talk)
{
	struct signalfd_siginfo found;
	while (read(talk->signals, &found, sizeof found) == sizeof found) {
		struct message_caught body = {.signal = found.ssi_signo};
		if (is_ending(found.ssi_signo) && ++talk->unanswered >= ENDS_TO_GIVE_UP)
			leave(SIGNAL_EXIT + (int)found.ssi_signo);
		if (found.ssi_signo == SIGWINCH && !talk_send_windows(talk))
			return false;
		if (!talk_send(talk, MESSAGE_CAUGHT, &body, sizeof body, NULL, 0))
			return false;
	}
	return true;
}

bool tell_input(struct talk *talk)
{
	static char bytes[INPUT_BYTES];
	ssize_t got = read(STDIN_FILENO, bytes, talk->wanted < INPUT_BYTES ? talk->wanted : INPUT_BYTES);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* A terminal that has hung up, or a directory: nothing will come. */
	struct message_input body = {.bytes = got < 0 ? 0 : (uint32_t)got};
	talk->wanted = 0;
	return talk_send(talk, MESSAGE_INPUT, &body, sizeof body, bytes, body.bytes);
}

_Noreturn void leave(int code)
{
	set_raw_input(false);
	_exit(code);
}
