/* What is sent every 20 ms, and who is heard. */
#include "reload-sip-call/media_internal.h"

#include "link/udp_socket_io.h"
#include "media/wav.h"

#include <errno.h>
#include <math.h>
#include <sys/socket.h>

enum {
	FRAME_MS = 20,
	BEHIND_MAX_MS = 1000, /* a host that was stopped longer does not send what it missed */
	TONE_AMPLITUDE = 8000,
	PACKETS_OF_A_TURN = 64
};

/* -- sending ---------------------------------------------------------------------------------------------------------------- */

static int16_t next_sample(struct media *m)
{
	const struct media_plan *p = m->plan;
	uint64_t i = m->sample++;
	if (p->tone_hz > 0)
		return (int16_t)lround(
			TONE_AMPLITUDE * sin(2 * M_PI * p->tone_hz * (double)i / RELOAD_RTP_RATE));
	return reload_wav_sample(p->play, (size_t)i);
}

static void send_frame(struct media *m)
{
	int16_t samples[RELOAD_RTP_FRAME];
	uint8_t packet[MEDIA_PACKET];
	struct wr w = wr_fixed(packet, sizeof(packet));
	for (size_t i = 0; i < RELOAD_RTP_FRAME; i++)
		samples[i] = next_sample(m);
	reload_media_frame(&m->session, &w, samples, media_clock());
	(void)media_send(m, wr_done(&w), false);
}

/* -- receiving -------------------------------------------------------------------------------------------------------------- */

static void handle(struct media *m, void *packet, size_t len)
{
	bool rtcp;
	len = media_secure_open(m, packet, len, &rtcp);
	if (len)
		media_take(m, span_of(packet, len), rtcp);
}

static void receive(struct media *m, int fd, const struct reload_ip_port *who)
{
	uint32_t packet[MEDIA_PACKET / 4];
	for (size_t i = 0; i < PACKETS_OF_A_TURN && fd >= 0; i++) {
		struct reload_ip_port from;
		struct reload_udp_local local;
		struct reload_udp_error error;
		int n = reload_udp_receive(fd, packet, sizeof(packet), &from, &local);
		if (n == -EAGAIN)
			return;
		while (n < 0 && reload_udp_error(fd, &error))
			;
		/* C17: a stranger is not heard, from the first packet on */
		if (n <= 0 || !who->type || !reload_ip_port_eq(&from, who))
			continue;
		handle(m, packet, (size_t)n);
	}
}

/* What comes on a path has passed ICE. */
static void receive_from_path(struct media *m)
{
	uint32_t packet[MEDIA_PACKET / 4];
	for (size_t i = 0; i < PACKETS_OF_A_TURN && m->way.fd >= 0; i++) {
		ssize_t n = recv(m->way.fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0)
			return;
		if (!n) {
			media_path_close(m); /* the reply of the agent says why */
			return;
		}
		if ((size_t)n <= sizeof(packet))
			handle(m, packet, (size_t)n);
	}
}

/* -- time ------------------------------------------------------------------------------------------------------------------- */

static void send_due(struct media *m, reload_ms now)
{
	if (m->plan->echo) {
		m->due = RELOAD_NEVER;
		return;
	}
	if (now > m->due + BEHIND_MAX_MS)
		m->due = now;
	for (; m->due <= now; m->due += FRAME_MS)
		if (m->plan->duration && m->due >= m->begun + m->plan->duration) {
			m->due = RELOAD_NEVER;
			return;
		} else if (m->sends)
			send_frame(m);
		else
			reload_media_skip(&m->session);
}

static bool can_flow(const struct media *m)
{
	return m->started && media_has_path(m) && media_secure_ready(m);
}

/* The first moment at which packets can be sent. */
static void flow(struct media *m, reload_ms now)
{
	if (m->flowing || !can_flow(m))
		return;
	m->flowing = true;
	m->begun = m->due = now;
	reload_rtcp_begin(&m->session.rtcp, media_clock(), m->answers, media_chance());
}

void media_run(struct media *m, reload_ms now)
{
	media_path_run(m, now);
	if (!m->started)
		return;
	receive(m, m->fd, &m->remote);
	receive(m, m->rtcp_fd, &m->remote_rtcp);
	receive_from_path(m);
	media_secure_run(m, now);
	flow(m, now);
	if (!m->flowing)
		return;
	send_due(m, now);
	if (media_clock() >= m->session.rtcp.due)
		media_report(m, false);
}

reload_ms media_due(const struct media *m)
{
	uint64_t us = m->session.rtcp.due;
	reload_ms reports = us == RELOAD_RTCP_NEVER ? RELOAD_NEVER : (reload_ms)(us / 1000 + 1);
	reload_ms due = !m->flowing && can_flow(m) ? 0 : m->due;
	reload_ms path = media_path_due(m), secure = media_secure_due(m, cli_monotonic());
	due = reports < due ? reports : due;
	due = path < due ? path : due;
	return secure < due ? secure : due;
}
