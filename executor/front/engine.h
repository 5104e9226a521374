/* The engine, which performs the commands of the command line that people repeat. */
#ifndef TIFFIN_FRONT_ENGINE_H
#define TIFFIN_FRONT_ENGINE_H

/*
 * Lets the engine of the program in `file` perform the command, and writes, reads and waits for it here. Returns only when the
 * caller has to do it alone: nothing has been done then. `words` are argv.
 */
void ask_engine(int file, int word_count, char **words, char **environment);

#endif
