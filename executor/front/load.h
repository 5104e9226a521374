/* Goes on as the program that lies behind this one in the same file. */
#ifndef TIFFIN_FRONT_LOAD_H
#define TIFFIN_FRONT_LOAD_H

#include <stdint.h>

/*
 * Maps the program at PROGRAM_OFFSET of `file` and its dynamic linker, as execve(2) does, and jumps into it with the
 * process's own `stack` (argc, argv, environment, auxiliary vector). Returns only on failure: what could not be done.
 */
const char *load_program(int file, uintptr_t *stack);

#endif
