#include "reload-sip-call/media.h"

#include "common/files.h"
#include "common/main.h"
#include "link/sockaddr_io.h"
#include "media/g711.h"
#include "media/wav.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	FRAME_MS = 20,
	PACKET_MAX = 2048,
	BEHIND_MAX_MS = 1000, /* a host that was stopped longer does not send what it missed */
	PACKETS_OF_A_TURN = 64,
	TONE_AMPLITUDE = 8000,
	FILE_MAX = RELOAD_WAV_HEADER + 2 * RELOAD_WAV_SAMPLES_MAX + 65536
};

struct media {
	const struct media_plan *plan;
	int fd, record;
	struct reload_ip_port local, remote; /* remote: who is heard; all zero: nobody yet */
	unsigned version;                    /* of the session descriptions of this end */
	bool started, sends;
	uint8_t payload_type;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	uint64_t sent, sample; /* sample: the next of the file or tone */
	reload_ms begun, due;
	struct reload_rtp_stats stats;
	uint32_t record_from; /* timestamp of the first sample of the recording */
	uint32_t recorded;    /* samples up to the last */
	bool record_begun;
};

/* -- the plan --------------------------------------------------------------------------------------------------------------- */

static enum reload_err read_play(
	struct media_plan *p, struct cli *cli, const char *path, struct reload_error_text *why)
{
	size_t len = 0;
	enum reload_err err = cli_file_read(&p->file, &len, path, FILE_MAX, cli->deadline, why);
	if (err)
		return err;
	err = reload_wav_read(&p->play, span_of(p->file, len), why);
	if (err)
		reload_error_advise(why, "sox %.100s -r 8000 -c 1 -b 16 other.wav", path);
	return err;
}

enum reload_err media_plan_read(
	struct media_plan *p, struct cli *cli, bool listens, struct reload_error_text *why)
{
	const char *play = cli_value(cli, "play", NULL);
	uint64_t hz = 0;
	*p = (struct media_plan){ .record = cli_value(cli, "record", NULL) };
	if (listens)
		p->echo = cli_has(cli, "echo");
	else if (cli_has(cli, "tone")) {
		enum reload_err err = cli_number(cli, "tone", 0, 20, 3900, &hz, why);
		if (err)
			return err;
	}
	p->tone_hz = (double)hz;
	if (play && (hz || p->echo))
		return cli_refuse(why, listens ? "--play with --echo" : "--play with --tone",
			"one of them is sent");
	return play ? read_play(p, cli, play, why) : RELOAD_OK;
}

void media_plan_clear(struct media_plan *p)
{
	free(p->file);
	*p = (struct media_plan){ 0 };
}

/* -- the socket --------------------------------------------------------------------------------------------------------------- */

/* The address of this host from which packets to remote are sent. */
static bool local_address(struct sockaddr_storage *out, const struct reload_ip_port *remote)
{
	struct sockaddr_storage to;
	struct reload_ip_port at = *remote;
	at.port = 9; /* nothing is sent there */
	socklen_t len = reload_sockaddr_to(&to, &at), n = sizeof(*out);
	int fd = len ? socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	bool good = fd >= 0 && !connect(fd, (struct sockaddr *)&to, len) &&
		    !getsockname(fd, (struct sockaddr *)out, &n);
	if (fd >= 0)
		close(fd);
	return good;
}

static bool open_socket(struct media *m, const struct reload_ip_port *remote)
{
	struct sockaddr_storage here = { 0 };
	struct reload_ip_port any;
	socklen_t len = sizeof(here);
	if (!local_address(&here, remote))
		return false;
	reload_sockaddr_from(&any, &here);
	any.port = 0;
	socklen_t n = reload_sockaddr_to(&here, &any);
	m->fd = socket(here.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&here, n) ||
		getsockname(m->fd, (struct sockaddr *)&here, &len))
		return false;
	reload_sockaddr_from(&m->local, &here);
	return true;
}

static bool open_record(struct media *m)
{
	uint8_t header[RELOAD_WAV_HEADER];
	if (!m->plan->record)
		return true;
	m->record = open(m->plan->record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	reload_wav_header(header, 0);
	return m->record >= 0 && pwrite(m->record, header, sizeof(header), 0) == sizeof(header);
}

enum reload_err media_new(struct media **out, const struct media_plan *plan,
	const struct reload_ip_port *remote, struct reload_error_text *why)
{
	struct media *m = RELOAD_NEW(media);
	char what[256];
	m->plan = plan;
	m->fd = m->record = -1;
	bool socket_there = open_socket(m, remote);
	if (socket_there && open_record(m)) {
		if (getrandom(&m->ssrc, sizeof(m->ssrc), 0) != sizeof(m->ssrc) ||
			getrandom(&m->sequence, sizeof(m->sequence), 0) != sizeof(m->sequence))
			abort();
		m->sequence &= 0x7fff; /* so that it does not begin anew soon (RFC 3711 3.3.1) */
		m->due = RELOAD_NEVER;
		*out = m;
		return RELOAD_OK;
	}
	snprintf(what, sizeof(what), "%s%.200s",
		socket_there ? "cannot record to " : "no socket for audio",
		socket_there ? plan->record : "");
	(void)reload_error_explain(why, RELOAD_IO, what, "%s", strerror(errno));
	reload_error_advise(
		why, "%s", socket_there ? "--record with another path" : "ulimit -n; ip address");
	media_free(m);
	return RELOAD_IO;
}

void media_free(struct media *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	if (m->record >= 0) {
		uint8_t header[RELOAD_WAV_HEADER];
		reload_wav_header(header, m->recorded);
		if (pwrite(m->record, header, sizeof(header), 0) != sizeof(header) ||
			ftruncate(m->record, RELOAD_WAV_HEADER + 2 * (off_t)m->recorded))
			fprintf(stderr, "%s: %s\n", m->plan->record, strerror(errno));
		close(m->record);
	}
	free(m);
}

void media_offer(struct media *m, struct wr *sdp, enum reload_sdp_direction direction)
{
	reload_sdp_offer(sdp, &m->local, ++m->version, direction);
}

void media_answer(struct media *m, struct wr *sdp, const struct reload_sdp_audio *offer)
{
	reload_sdp_answer(sdp, &m->local, ++m->version, offer);
}

void media_start(struct media *m, const struct reload_sdp_audio *other, bool sends)
{
	struct sockaddr_storage to;
	socklen_t len = reload_sockaddr_to(&to, &other->at);
	if (len) /* a call that is held with no address is heard from where it was */
		m->remote = other->at;
	if (!len || connect(m->fd, (struct sockaddr *)&to, len))
		sends = false;
	m->payload_type = other->payload_type;
	m->sends = sends;
	if (m->started)
		return;
	m->started = true;
	m->begun = m->due = cli_monotonic();
}

void media_pause(struct media *m)
{
	m->sends = false;
}

int media_fd(const struct media *m)
{
	return m->fd;
}

reload_ms media_due(const struct media *m)
{
	return m->due;
}

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

static void send_payload(struct media *m, struct span payload)
{
	uint8_t packet[PACKET_MAX];
	struct wr w = wr_fixed(packet, sizeof(packet));
	struct reload_rtp p = { .payload_type = m->payload_type,
		.marker = !m->sent,
		.sequence = m->sequence++,
		.timestamp = m->timestamp,
		.ssrc = m->ssrc,
		.payload = payload };
	reload_rtp_write(&w, &p);
	if (!w.err && send(m->fd, packet, w.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)w.len)
		m->sent++;
}

static void send_frame(struct media *m)
{
	uint8_t codes[RELOAD_RTP_FRAME];
	for (size_t i = 0; i < sizeof(codes); i++) {
		int16_t s = next_sample(m);
		codes[i] = m->payload_type == RELOAD_RTP_PCMA ? reload_alaw_encode(s)
							      : reload_ulaw_encode(s);
	}
	send_payload(m, span_of(codes, sizeof(codes)));
	m->timestamp += RELOAD_RTP_FRAME;
}

/* -- receiving -------------------------------------------------------------------------------------------------------------- */

/* Writes the samples where their timestamp says, so that order and losses do not matter; a gap stays silent. */
static void record(struct media *m, const struct reload_rtp *p)
{
	uint8_t samples[2 * PACKET_MAX];
	if (!m->record_begun) {
		m->record_begun = true;
		m->record_from = p->timestamp;
	}
	uint32_t at = p->timestamp - m->record_from;
	if (at > RELOAD_WAV_SAMPLES_MAX || p->payload.len > PACKET_MAX)
		return; /* before the first, or beyond an hour */
	for (size_t i = 0; i < p->payload.len; i++) {
		int16_t s = p->payload_type == RELOAD_RTP_PCMA
				    ? reload_alaw_decode(p->payload.at[i])
				    : reload_ulaw_decode(p->payload.at[i]);
		samples[2 * i] = (uint8_t)s;
		samples[2 * i + 1] = (uint8_t)((uint16_t)s >> 8);
	}
	size_t len = 2 * p->payload.len;
	if (pwrite(m->record, samples, len, RELOAD_WAV_HEADER + 2 * (off_t)at) != (ssize_t)len)
		return;
	uint32_t end = at + (uint32_t)p->payload.len;
	m->recorded = end > m->recorded ? end : m->recorded;
}

static void echo(struct media *m, const struct reload_rtp *p)
{
	if (!m->sends)
		return;
	m->timestamp = p->timestamp;
	send_payload(m, p->payload);
}

/* What came before the socket was connected, or when it could not be, may be of anybody. */
static bool is_heard(const struct media *m, const struct sockaddr_storage *from)
{
	struct reload_ip_port at;
	reload_sockaddr_from(&at, from);
	return m->started && m->remote.type && reload_ip_port_eq(&at, &m->remote);
}

static void receive(struct media *m, reload_ms now)
{
	uint8_t packet[PACKET_MAX];
	for (size_t i = 0; i < PACKETS_OF_A_TURN; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		struct reload_rtp p;
		ssize_t n = recvfrom(m->fd, packet, sizeof(packet), MSG_DONTWAIT,
			(struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		if (!is_heard(m, &from) || reload_rtp_read(&p, span_of(packet, (size_t)n)) ||
			p.payload_type != m->payload_type ||
			!reload_rtp_count(&m->stats, &p, now * (RELOAD_RTP_RATE / RELOAD_SECOND)))
			continue;
		if (m->record >= 0)
			record(m, &p);
		if (m->plan->echo)
			echo(m, &p);
	}
}

void media_run(struct media *m, reload_ms now)
{
	receive(m, now);
	if (!m->started || m->plan->echo) {
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
			m->timestamp += RELOAD_RTP_FRAME;
}

bool media_played(const struct media *m)
{
	return m->plan->play.len && m->sample >= m->plan->play.len / 2;
}

json_t *media_json(const struct media *m)
{
	return json_pack("{s:I, s:I, s:I, s:f}", "sent", (json_int_t)m->sent, "received",
		(json_int_t)m->stats.received, "lost", (json_int_t)reload_rtp_lost(&m->stats),
		"jitter_ms", m->stats.jitter * RELOAD_SECOND / RELOAD_RTP_RATE);
}

const char *media_codec(const struct media *m)
{
	return m->payload_type == RELOAD_RTP_PCMA ? "PCMA" : "PCMU";
}
