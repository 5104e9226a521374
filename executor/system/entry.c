/* Where the kernel enters the program. */
#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "process.h"
#include "raw.h"

int main(int argc, char **argv);
_Noreturn void begin(uintptr_t *stack);

/* The stack holds argc, argv, NULL, the environment, NULL, and the auxiliary vector. */
__attribute__((no_stack_protector)) _Noreturn void begin(uintptr_t *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	uintptr_t *next = stack + 1 + argc + 1;
	environ = (char **)next;
	while (*next)
		next++;
	for (next++; next[0] != AT_NULL; next += 2)
		if (next[0] == AT_RANDOM)
			memcpy(&__stack_chk_guard, (const void *)next[1], sizeof __stack_chk_guard);
	/* A string function that runs past its end must not copy the guard: its lowest byte is NUL. */
	__stack_chk_guard &= ~(uintptr_t)0xff;
	int status = main(argc, argv);
	for (;;)
		raw_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call begin\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	and sp, x0, #-16\n"
	"	b begin\n");
#endif
