/* What asking a resident helper and asking the engine have in common. */
#ifndef TIFFIN_FRONT_ASK_H
#define TIFFIN_FRONT_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "../control.h"

/* Working directory, words and environment, each ended by NUL. */
struct asked {
	char *bytes;
	uint32_t length;
};

/* -1 when nobody listens there, or when a thousand others wait. */
int ask_connect(const struct sockaddr_un *address);

/* Waits for the first word of a listener, but not for long. */
bool ask_heard_hello(struct connection *listener);

/* False when it is too much for a request, or the working directory has no path any more. `words` without the program's name. */
bool ask_gather(struct asked *asked, int word_count, char **words, char **environment);

/* Memory of its own; NULL without. */
void *ask_pages(size_t bytes);

#endif
