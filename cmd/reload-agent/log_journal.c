#include "log_journal.h"

#include "control/local_socket_io.h"
#include "membership/membership.h"
#include "util/bytes.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char socket_path[] = "/run/systemd/journal/socket";

bool agent_log_journal_here(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == (dev_t)device &&
	       st.st_ino == (ino_t)inode;
}

void agent_log_journal_open(struct agent_log_journal *j)
{
	struct sockaddr_un to;
	*j = (struct agent_log_journal){ .fd = -1 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (reload_local_address(&to, socket_path) &&
		!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		j->fd = fd;
	else
		close(fd);
}

void agent_log_journal_close(struct agent_log_journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

/* NAME=value; what is sent has no line ends in it, as all lines of the log are made plain before. */
static void field(struct wr *w, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	wr_bytes(w, name, strlen(name));
	wr_u8(w, '=');
	wr_bytes(w, value, strlen(value));
	wr_u8(w, '\n');
}

static void event_fields(struct wr *w, const struct reload_event *ev)
{
	char text[RELOAD_ID_HEX];
	bool state = ev->type == RELOAD_EV_STATE;
	field(w, "RELOAD_EVENT", reload_event_name(ev->type));
	if (ev->node && ev->node->len && !state)
		field(w, "RELOAD_NODE_ID", reload_id_hex(text, ev->node));
	if (ev->resource && ev->resource->len)
		field(w, "RELOAD_RESOURCE_ID", reload_id_hex(text, ev->resource));
	snprintf(text, sizeof(text), "%016" PRIx64, ev->transaction);
	field(w, "RELOAD_TRANSACTION", ev->transaction ? text : NULL);
	field(w, "RELOAD_STATE", state ? reload_state_name((enum reload_state)ev->code) : NULL);
	field(w, "RELOAD_MESSAGE", !state && ev->code ? reload_code_name(ev->code) : NULL);
	field(w, "RELOAD_ERROR", ev->err ? reload_err_name(ev->err) : NULL);
}

bool agent_log_journal_write(struct agent_log_journal *j, int priority, const char *part,
	const char *text, const struct reload_event *event)
{
	char digit[4];
	struct wr w;
	if (j->fd < 0)
		return false;
	snprintf(digit, sizeof(digit), "%d", priority);
	wr_init(&w);
	field(&w, "PRIORITY", digit);
	field(&w, "SYSLOG_IDENTIFIER", "reload-agent");
	field(&w, "RELOAD_INSTANCE", j->instance);
	field(&w, "RELOAD_PART", part);
	if (event)
		event_fields(&w, event);
	wr_bytes(&w, "MESSAGE=", 8);
	wr_bytes(&w, part, strlen(part));
	wr_bytes(&w, ": ", 2);
	wr_bytes(&w, text, strlen(text));
	wr_u8(&w, '\n');
	bool taken = send(j->fd, w.at, w.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)w.len;
	wr_clear(&w);
	return taken;
}
