/* Keys that are pressed at a terminal during a call, one by one and without echo.  Without a terminal, or in the background, there are none. */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct keys {
	int fd; /* to be waited for; -1: there are none */
	struct termios before;
};

/* keys_open() begins to take keys from standard input; wanted false: none.  keys_close() makes the terminal what it was. */
void keys_open(struct keys *k, bool wanted);
void keys_close(struct keys *k);

/* keys_read() returns the next key, 0: there is none for now. */
char keys_read(struct keys *k);
