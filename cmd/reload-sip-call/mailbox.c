#include "reload-sip-call/mailbox.h"

#include "common/home.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	NAME_PART = 80 /* bytes of a user in the name of a file, with a NUL */
};

/* A plan of one call and the path in it. */
struct mailbox_plan {
	struct media_plan plan; /* first */
	char path[];
};

enum reload_err mailbox_check(const char *dir, struct reload_error_text *why)
{
	char what[256];
	if (!access(dir, W_OK | X_OK))
		return RELOAD_OK;
	snprintf(what, sizeof(what), "no messages can be kept in %.200s", dir);
	(void)reload_error_explain(why, RELOAD_IO, what, "%s", strerror(errno));
	reload_error_advise(why, "mkdir -p %.200s", dir);
	return RELOAD_IO;
}

/* A user's name as part of a file's. */
static void copy_name(char out[NAME_PART], const char *user)
{
	size_t n = 0;
	for (; n + 1 < NAME_PART && user[n]; n++)
		out[n] = isalnum((uint8_t)user[n]) || strchr("@-_+", user[n]) ||
					 (n && user[n] == '.')
				 ? user[n]
				 : '_';
	out[n] = 0;
}

static size_t messages(const char *dir)
{
	size_t count = 0;
	char **names = cli_list(dir, NULL, &count);
	cli_names_free(names, count);
	return count;
}

const char *mailbox_take(struct leg *leg, const char *dir)
{
	char to[NAME_PART], from[NAME_PART], when[32];
	struct tm tm;
	time_t now = time(NULL);
	if (messages(dir) >= MAILBOX_MESSAGES_MAX)
		return NULL;
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	copy_name(to, leg->called);
	copy_name(from, leg->peer_user ? leg->peer_user : "nobody");
	size_t size = strlen(dir) + sizeof(when) + 2 * NAME_PART + 64;
	struct mailbox_plan *own = reload_alloc(sizeof(*own) + size);
	own->plan = *leg->plan;
	snprintf(own->path, size, "%s/%s-%lld-%s-from-%s.wav", dir, when, (long long)leg->number,
		to, from);
	own->plan.record = own->path;
	free(leg->own_plan);
	leg->own_plan = own;
	leg->plan = &own->plan;
	return own->path;
}
