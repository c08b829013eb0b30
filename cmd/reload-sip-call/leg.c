#include "reload-sip-call/leg_internal.h"

#include "common/call.h"

#include <errno.h>
#include <sofia-sip/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

void leg_token(char out[LEG_TOKEN])
{
	uint8_t random[(LEG_TOKEN - 1) / 2];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
}

void leg_again_end(struct leg *leg)
{
	wr_clear(&leg->again);
	wr_init(&leg->again);
	leg->again_at = leg->again_end = RELOAD_NEVER;
}

struct leg *leg_new(int fd, const json_t *object)
{
	struct leg *leg = RELOAD_NEW(leg);
	const char *user = cli_get_text(object, "user");
	leg->fd = fd;
	leg->number = cli_get_int(object, "connection");
	leg->sips = cli_get_int(object, "application") == 5061;
	leg->peer_user = *user ? reload_strdup(user) : NULL;
	leg->node = reload_strdup(cli_get_text(object, "node_id"));
	snprintf(leg->path, sizeof(leg->path), "%s", cli_get_text(object, "path"));
	if (reload_ip_port_parse(&leg->peer, cli_get_text(object, "address"), 0))
		leg->peer = (struct reload_ip_port){ 0 };
	wr_init(&leg->in);
	wr_init(&leg->out);
	wr_init(&leg->route);
	wr_init(&leg->again);
	leg_again_end(leg);
	reload_session_clear(&leg->session);
	leg_token(leg->local_tag);
	leg->deadline = leg->hold_again = leg->ping_at = RELOAD_NEVER;
	leg->used = cli_monotonic();
	return leg;
}

void leg_set(char **to, char *text)
{
	free(*to);
	*to = text;
}

void leg_reset(struct leg *leg)
{
	leg_set(&leg->redirected, NULL);
	leg_set(&leg->call_id, NULL);
	leg_set(&leg->remote_uri, NULL);
	leg_set(&leg->called, NULL);
	leg_set(&leg->target, NULL);
	leg_set(&leg->remote_tag, NULL);
	while (leg->early_count)
		leg_set(&leg->early[--leg->early_count].tag, NULL);
	memset(leg->early, 0, sizeof(leg->early));
	leg->route.len = 0;
	leg_again_end(leg);
	reload_session_clear(&leg->session);
	msg_destroy(leg->invite);
	leg->invite = NULL;
	media_free(leg->media);
	leg->media = NULL;
	free(leg->own_plan);
	leg->own_plan = NULL;
	leg->state = LEG_IDLE;
	leg->accepting = leg->own = leg->on_hold = leg->updates = leg->refreshing = false;
	leg->hold_branch[0] = leg->ask_branch[0] = leg->update_branch[0] = 0;
	leg->rseq = leg->session_min_s = 0;
	leg->hold_again = leg->ping_at = RELOAD_NEVER;
	leg->status = 0;
	leg->phrase[0] = 0;
	leg->ended_by = NULL;
	leg->cseq = leg->remote_cseq = leg->invite_cseq = 0;
	leg->answered_at = leg->ended_at = 0;
	leg->deadline = RELOAD_NEVER;
	leg_token(leg->local_tag);
}

void leg_free(struct leg *leg)
{
	if (!leg)
		return;
	leg_reset(leg);
	if (leg->fd >= 0)
		close(leg->fd);
	wr_clear(&leg->in);
	wr_clear(&leg->out);
	wr_clear(&leg->route);
	wr_clear(&leg->again);
	free(leg->peer_user);
	free(leg->node);
	free(leg);
}

void leg_end(struct leg *leg)
{
	if (leg->state == LEG_ENDED || leg->state == LEG_IDLE)
		return;
	leg->state = LEG_ENDED;
	leg->ended_at = cli_monotonic();
	leg->deadline = leg->ping_at = RELOAD_NEVER;
	leg_again_end(leg);
	reload_session_clear(&leg->session);
	if (leg->ops->ended)
		leg->ops->ended(leg);
	media_free(leg->media);
	leg->media = NULL;
}

void leg_cut(struct leg *leg)
{
	if (leg->fd >= 0)
		close(leg->fd);
	leg->fd = -1;
	leg->cut = true;
	if (leg->state == LEG_UP)
		leg->ended_by = "connection";
	leg_end(leg);
}

bool leg_wants_out(const struct leg *leg)
{
	return leg->fd >= 0 && leg->out.len > 0;
}

void leg_output(struct leg *leg)
{
	while (leg->fd >= 0 && leg->out.len) {
		ssize_t n = send(leg->fd, leg->out.at, leg->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			leg_cut(leg);
			return;
		}
		leg->out.len -= (size_t)n;
		memmove(leg->out.at, leg->out.at + n, leg->out.len);
	}
}

void leg_close(struct leg *leg)
{
	static const struct leg_ops nobody;
	leg->ops = &nobody;
	leg_reset(leg);
	leg->closing = true;
	leg->deadline = cli_monotonic() + LEG_BYE_MS;
	if (leg->fd >= 0 && leg->cut)
		leg_cut(leg);
	else if (leg->fd >= 0)
		shutdown(leg->fd, SHUT_WR);
}
