/*
 * tiffin and tiffin-runtime: asks the engine, or the runtime's resident helper, if there is one, which takes a fraction of the time,
 * and else goes on as the compiled program that lies behind it in the same file. It decides nothing.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "../generated/front.h"
#include "../kernel.h"
#include "../text.h"
#include "engine.h"
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

static bool is_set(const char *variable, const char *value)
{
	const size_t length = strlen(variable);
	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, variable, length) == 0 && (*entry)[length] == '=' && strcmp(*entry + length + 1, value) == 0)
			return true;
	return false;
}

static bool may_ask_helper(uint64_t files)
{
	return geteuid() == 0 && files >= LEAST_FILES && !is_set(HELPER_VARIABLE, HELPER_OFF) &&
	       !is_set(HELPER_ASKED_VARIABLE, "1");
}

static bool ends_with(const char *text, const char *end)
{
	const size_t length = strlen(text);
	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* By the file's name as it was called, or by the one that the caller gave it: a symbolic link and a descriptor have but one. */
static bool is_runtime(const char *name)
{
	char **end = environ;
	while (*end)
		end++;
	const Elf64_auxv_t *vector = (const Elf64_auxv_t *)(const void *)(end + 1);
	for (; vector->a_type != AT_NULL; vector++)
		if (vector->a_type == AT_EXECFN && ends_with((const char *)(uintptr_t)vector->a_un.a_val, PROGRAM_NAME))
			return true;
	return ends_with(name, PROGRAM_NAME);
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
	const bool runtime = is_runtime(argv[0]);
	const char *own_name = runtime ? PROGRAM_NAME : COMMAND_LINE_NAME;
	argv[0] = name;
	join_text(name, sizeof name, own_name, "", "");
	/* Else it has the number of a standard descriptor that is closed, and would become the program's. */
	if (file > STDERR_FILENO && runtime && may_ask_helper(files))
		ask_helper(file, argc, argv, environ);
	if (file > STDERR_FILENO && !runtime && !is_set(ENGINE_VARIABLE, HELPER_OFF))
		ask_engine(file, argc, argv, environ);
	char directory[PATH_MAX];
	/* The program cannot start in a directory that is gone, so it starts elsewhere and is told by its name. */
	bool is_lost = syscall(SYS_getcwd, directory, sizeof directory) < 0 && errno == ENOENT && chdir("/") == 0;
	/* The runtime raises its limit of descriptors, and must know the one that its children are to have. */
	if (runtime)
		limit[write_decimal(limit, files)] = '/';
	join_text(name, sizeof name, is_lost ? LOST_DIRECTORY : "", limit, own_name);
	if (file >= 0)
		problem = load_program(file, (uintptr_t *)(void *)argv - 1);
	const char *parts[] = {own_name, ": ", problem, "\n"};
	for (int i = 0; i < 4; i++)
		if (write(2, parts[i], strlen(parts[i])) < 0)
			break;
	return 1;
}
