#include "reload-sip-call/keys.h"

#include <unistd.h>

/* Who is in the background is stopped when it touches the terminal. */
static bool in_front(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void keys_open(struct keys *k, bool wanted)
{
	k->fd = -1;
	if (!wanted || !isatty(STDIN_FILENO) || !in_front() || tcgetattr(STDIN_FILENO, &k->before))
		return;
	struct termios single = k->before;
	single.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	single.c_cc[VMIN] = 1;
	single.c_cc[VTIME] = 0;
	if (!tcsetattr(STDIN_FILENO, TCSADRAIN, &single))
		k->fd = STDIN_FILENO;
}

void keys_close(struct keys *k)
{
	if (k->fd >= 0 && in_front())
		(void)tcsetattr(k->fd, TCSADRAIN, &k->before);
	k->fd = -1;
}

char keys_read(struct keys *k)
{
	char key = 0;
	if (k->fd < 0 || !in_front())
		return 0;
	if (read(k->fd, &key, 1) <= 0)
		k->fd = -1; /* the terminal is gone */
	return key;
}
