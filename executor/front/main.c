/*
 * tiffin-runtime: asks a resident helper if there is one, which takes a fraction of the time, and else goes on as the
 * compiled program that lies behind it in the same file. It decides nothing.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../caller.h"
#include "../kernel.h"
#include "helper.h"
#include "load.h"

extern char **environ;

/* The program chooses by the name it was called by; the file may have been given another one. */
static char program_name[] = "tiffin-runtime";
/* It cannot start in a directory that is gone, so it starts elsewhere and is told by its name. */
static char lost_name[] = "no-directory/tiffin-runtime";

static bool may_ask(void)
{
	const size_t length = sizeof HELPER_VARIABLE - 1;
	if (geteuid() != 0)
		return false;
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, HELPER_VARIABLE "=", length + 1) == 0 && strcmp(*variable + length + 1, HELPER_OFF) == 0)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const char *problem = "/proc/self/exe cannot be opened (is /proc mounted?)";
	if (argc < 1)
		return 1;
	argv[0] = program_name;
	if (file >= 0 && may_ask())
		ask_helper(file, argc, argv, environ);
	char directory[PATH_MAX];
	if (syscall(SYS_getcwd, directory, sizeof directory) < 0 && errno == ENOENT && chdir("/") == 0)
		argv[0] = lost_name;
	if (file >= 0)
		problem = load_program(file, (uintptr_t *)(void *)argv - 1);
	const char *parts[] = {"tiffin-runtime: ", problem, "\n"};
	for (int i = 0; i < 3; i++)
		if (write(2, parts[i], strlen(parts[i])) < 0)
			break;
	return 1;
}
