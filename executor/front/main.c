/*
 * tiffin-runtime: asks a resident helper if there is one, which takes a fraction of the time, and else goes on as the
 * compiled program that lies behind it in the same file. It decides nothing.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "../generated/front.h"
#include "../kernel.h"
#include "../text.h"
#include "helper.h"
#include "load.h"

extern char **environ;


/* How many descriptors this process may have before it raises its limit; 0 when that is not known. */
static uint64_t file_limit(void)
{
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit = {0};
	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	return limit.soft;
}

static bool may_ask(uint64_t files)
{
	const size_t length = sizeof HELPER_VARIABLE - 1;
	if (geteuid() != 0 || files < LEAST_FILES)
		return false;
	for (char **variable = environ; *variable; variable++)
		if ((strncmp(*variable, HELPER_VARIABLE "=", length + 1) == 0 && strcmp(*variable + length + 1, HELPER_OFF) == 0) ||
		    strcmp(*variable, HELPER_ASKED_VARIABLE "=1") == 0)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const char *problem = "/proc/self/exe cannot be opened (is /proc mounted?)";
	if (argc < 1)
		return 1;
	static char name[sizeof LOST_DIRECTORY + DECIMAL_BYTES + sizeof PROGRAM_NAME];
	static char limit[DECIMAL_BYTES + 1];
	const uint64_t files = file_limit();
	argv[0] = name;
	join_text(name, sizeof name, PROGRAM_NAME, "", "");
	/* Else it has the number of a standard descriptor that is closed, and would become the program's. */
	if (file > STDERR_FILENO && may_ask(files))
		ask_helper(file, argc, argv, environ);
	char directory[PATH_MAX];
	/* The program cannot start in a directory that is gone, so it starts elsewhere and is told by its name. */
	bool is_lost = syscall(SYS_getcwd, directory, sizeof directory) < 0 && errno == ENOENT && chdir("/") == 0;
	/* The program raises its limit of descriptors, and must know the one that its children are to have. */
	limit[write_decimal(limit, files)] = '/';
	join_text(name, sizeof name, is_lost ? LOST_DIRECTORY : "", limit, PROGRAM_NAME);
	if (file >= 0)
		problem = load_program(file, (uintptr_t *)(void *)argv - 1);
	const char *parts[] = {"tiffin-runtime: ", problem, "\n"};
	for (int i = 0; i < 3; i++)
		if (write(2, parts[i], strlen(parts[i])) < 0)
			break;
	return 1;
}
