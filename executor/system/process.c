#include "process.h"

uintptr_t __stack_chk_guard;
char **environ;

_Noreturn void __stack_chk_fail(void)
{
	for (;;)
		__builtin_trap();
}
