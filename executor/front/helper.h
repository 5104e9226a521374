/* The resident helper: a process of the compiled program that decides commands for those who ask. */
#ifndef TIFFIN_FRONT_HELPER_H
#define TIFFIN_FRONT_HELPER_H

/*
 * Lets the helper of the program in `file` decide the command. Returns only when the caller has to do it alone:
 * nothing has been done then. `words` are argv, NULL at its end.
 */
void ask_helper(int file, int word_count, char **words, char **environment);

#endif
