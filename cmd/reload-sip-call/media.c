#include "reload-sip-call/media_internal.h"

#include "common/call.h"
#include "common/files.h"
#include "common/main.h"
#include "media/wav.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	FILE_MAX = RELOAD_WAV_HEADER + 2 * RELOAD_WAV_SAMPLES_MAX + 65536
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

static enum reload_err read_codec(
	struct media_plan *p, struct cli *cli, struct reload_error_text *why)
{
	const char *name = cli_value(cli, "codec", NULL);
	for (unsigned i = 0; name && i < RELOAD_CODECS; i++)
		if (!strcasecmp(name, reload_codec_rows[i].name)) {
			p->codec = (enum reload_codec_type)i;
			return RELOAD_OK;
		}
	return name ? cli_refuse(why, "--codec is none of ours", "PCMU, PCMA or opus") : RELOAD_OK;
}

/* What a caller sends. */
static enum reload_err read_call(
	struct media_plan *p, struct cli *cli, struct reload_error_text *why)
{
	uint64_t hz = 0;
	enum reload_err err = read_codec(p, cli, why);
	if (!err && cli_has(cli, "tone"))
		err = cli_number(cli, "tone", 0, 20, 3900, &hz, why);
	p->tone_hz = (double)hz;
	p->dtmf = cli_value(cli, "dtmf", NULL);
	p->secure_only = cli_has(cli, "sips-media-only");
	if (!err && p->dtmf && !reload_dtmf_valid(p->dtmf))
		return cli_refuse(why, "--dtmf has no digits",
			"1 to 64 of 0 to 9, *, #, A to D, such as 1234#");
	return err;
}

/* --no-media with what is of audio. */
static enum reload_err check_none(
	const struct media_plan *p, struct cli *cli, struct reload_error_text *why)
{
	static const char *const of_audio[] = { "play", "tone", "record", "dtmf", "codec", "hold",
		"sips-media-only" };
	char what[64];
	for (size_t i = 0; p->none && i < COUNT_OF(of_audio); i++) {
		if (!cli_has(cli, of_audio[i]))
			continue;
		snprintf(what, sizeof(what), "--no-media with --%s", of_audio[i]);
		return cli_refuse(why, what, "the call has no audio");
	}
	return RELOAD_OK;
}

enum reload_err media_plan_read(
	struct media_plan *p, struct cli *cli, bool listens, struct reload_error_text *why)
{
	const char *play = cli_value(cli, "play", NULL);
	enum reload_err err = RELOAD_OK;
	*p = (struct media_plan){ .record = cli_value(cli, "record", NULL),
		.none = !listens && cli_has(cli, "no-media") };
	p->cert = p->none ? NULL : reload_dtls_cert_new();
	if (listens)
		p->echo = cli_has(cli, "echo");
	else
		err = check_none(p, cli, why);
	if (!err && !listens)
		err = read_call(p, cli, why);
	if (err)
		return err;
	if (play && (p->tone_hz > 0 || p->echo))
		return cli_refuse(why, listens ? "--play with --echo" : "--play with --tone",
			"one of them is sent");
	return play ? read_play(p, cli, play, why) : RELOAD_OK;
}

void media_plan_clear(struct media_plan *p)
{
	free(p->file);
	reload_dtls_cert_free(p->cert);
	*p = (struct media_plan){ 0 };
}

/* -- a call ----------------------------------------------------------------------------------------------------------------- */

static bool open_record(struct media *m)
{
	uint8_t header[RELOAD_WAV_HEADER];
	if (!m->plan->record)
		return true;
	m->record = open(m->plan->record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	reload_wav_header(header, 0);
	return m->record >= 0 && pwrite(m->record, header, sizeof(header), 0) == sizeof(header);
}

static void begin_session(struct media *m)
{
	char cname[RELOAD_RTCP_CNAME];
	/* RFC 7022: a name of one call says nothing of the host */
	snprintf(cname, sizeof(cname), "%08x%08x", media_chance(), media_chance());
	reload_media_init(
		&m->session, media_chance(), (uint16_t)media_chance(), media_chance(), cname);
	m->session.dtmf.digits = m->plan->dtmf;
}

enum reload_err media_new(struct media **out, const struct media_plan *plan,
	const struct reload_ip_port *remote, const struct reload_sdp_audio *offer,
	struct reload_error_text *why)
{
	struct media *m = RELOAD_NEW(media);
	char what[256];
	m->plan = plan;
	m->strict = plan->secure_only;
	m->fd = m->rtcp_fd = m->record = m->way.fd = -1;
	m->due = RELOAD_NEVER;
	m->none = plan->none || (offer && !offer->streams);
	begin_session(m);
	bool socket_there = m->none || media_sockets_open(m, remote);
	if (m->none || (socket_there && open_record(m))) {
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
	media_finish(m);
	media_secure_end(m);
	media_sockets_close(m);
	media_path_close(m);
	if (m->record >= 0) {
		uint8_t header[RELOAD_WAV_HEADER];
		reload_wav_header(header, m->recorded);
		if (pwrite(m->record, header, sizeof(header), 0) != sizeof(header) ||
			ftruncate(m->record, RELOAD_WAV_HEADER + 2 * (off_t)m->recorded))
			fprintf(stderr, "%s: %s\n", m->plan->record, strerror(errno));
		close(m->record);
	}
	reload_media_clear(&m->session);
	free(m);
}

bool media_none(const struct media *m)
{
	return m->none;
}

/* RFC 3264 s6, s8: a description has as many streams as the one before it, or more. */
bool media_fits(const struct media *m, const struct reload_sdp_audio *other)
{
	return m->none || other->streams;
}

/* -- what is agreed on ------------------------------------------------------------------------------------------------------ */

static struct reload_sdp_own own_of(struct media *m)
{
	bool ice = m->way.state == MEDIA_GATHERED || m->way.state == MEDIA_CHECKING ||
		   m->way.state == MEDIA_CONNECTED;
	return (struct reload_sdp_own){ .at = ice ? m->way.at : m->local,
		.version = ++m->version,
		.first = m->plan->codec,
		.dtls = media_secure_own(m),
		.strict = m->strict,
		.none = m->none,
		.silent = m->silent,
		.ice = ice ? &m->way.own : NULL };
}

void media_offer(struct media *m, struct wr *sdp, enum reload_sdp_direction direction)
{
	struct reload_sdp_own own = own_of(m);
	media_secure_offers(m);
	reload_sdp_offer(sdp, &own, direction);
}

void media_answer(struct media *m, struct wr *sdp, const struct reload_sdp_audio *offer)
{
	m->answers |= !m->version;
	struct reload_sdp_own own = own_of(m);
	media_secure_answers(m, offer);
	reload_sdp_answer(sdp, &own, offer);
}

void media_start(struct media *m, const struct reload_sdp_audio *other, bool sends)
{
	if (m->none)
		return;
	bool agreed = reload_media_agree(&m->session, other->codec, other->payload_type,
		reload_codec_rows[other->codec].payload_type, other->dtmf_type);
	m->mux = other->rtcp_mux;
	if (other->at.type) { /* a call that is held with no address is heard from where it was */
		m->remote = other->at;
		m->remote_rtcp = other->rtcp;
	}
	m->sends = agreed && sends && other->at.type;
	m->started = true;
	media_path_start(m, other);
	media_secure_start(m, other);
}

void media_pause(struct media *m)
{
	m->sends = false;
}

size_t media_fds(const struct media *m, int out[MEDIA_FDS])
{
	/* what comes before it is known who is heard waits in the sockets */
	out[0] = m->started ? m->fd : -1;
	out[1] = m->started ? m->rtcp_fd : -1;
	out[2] = m->started ? m->way.fd : -1;
	return MEDIA_FDS;
}

/* -- what is said of it ------------------------------------------------------------------------------------------------------ */

bool media_played(const struct media *m)
{
	return m->plan->play.len && m->sample >= m->plan->play.len / 2;
}

char media_digit(struct media *m)
{
	return m->digits_shown < m->digits_count ? m->digits[m->digits_shown++] : 0;
}

json_t *media_json(const struct media *m)
{
	const struct reload_media_session *s = &m->session;
	const struct reload_rtcp_end *r = &s->rtcp;
	if (m->none)
		return json_null();
	json_t *o = json_pack("{s:I, s:I, s:I, s:f, s:s}", "sent", (json_int_t)s->sent, "received",
		(json_int_t)s->stats.received, "lost", (json_int_t)reload_rtp_lost(&s->stats),
		"jitter_ms", reload_media_jitter_ms(s), "digits", m->digits);
	json_object_set_new(
		o, "mos", s->stats.received ? json_real(reload_media_mos(s)) : json_null());
	json_object_set_new(o, "encrypted", json_boolean(reload_sip_secure_is_on(&m->secure)));
	json_object_set_new(o, "path", m->way.path[0] ? json_string(m->way.path) : json_null());
	json_object_set_new(
		o, "rtt_ms", r->rtt_us ? json_real((double)r->rtt_us / 1000) : json_null());
	json_object_set_new(
		o, "remote_lost", r->reported ? json_integer(r->report.lost) : json_null());
	return o;
}

void media_text(FILE *out, const json_t *media, double duration_s, bool quality)
{
	if (!json_is_object(media)) {
		fprintf(out, "%.1f s, no media", duration_s);
		return;
	}
	fprintf(out, "%.1f s, %lld sent, %lld received, %lld lost", duration_s,
		cli_get_int(media, "sent"), cli_get_int(media, "received"),
		cli_get_int(media, "lost"));
	if (!cli_get_bool(media, "encrypted"))
		fputs(", not encrypted", out);
	if (!quality)
		return;
	fprintf(out, ", jitter %.1f ms", cli_get_real(media, "jitter_ms"));
	if (json_is_number(json_object_get(media, "rtt_ms")))
		fprintf(out, ", round trip %.1f ms", cli_get_real(media, "rtt_ms"));
	if (json_is_integer(json_object_get(media, "remote_lost")))
		fprintf(out, ", %lld lost there", cli_get_int(media, "remote_lost"));
	if (json_is_number(json_object_get(media, "mos")))
		fprintf(out, ", MOS %.1f", cli_get_real(media, "mos"));
}

const char *media_codec(const struct media *m)
{
	return m->none ? NULL : reload_codec_rows[m->session.codec].name;
}
