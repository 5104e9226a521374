/* What the program knows of itself from its first moment on. */
#ifndef TIFFIN_SYSTEM_PROCESS_H
#define TIFFIN_SYSTEM_PROCESS_H

#include <stdint.h>

/* The guard value of the stack protector, and what its check calls. */
extern uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

extern char **environ;

#endif
