#include "media/rtcp.h"

enum {
	VERSION = 2,
	SR = 200,
	RR = 201,
	SDES = 202,
	BYE = 203,
	LAST_TYPE = 223, /* RFC 5761 s4: 192 to 223 are of RTCP */
	FIRST_TYPE = 192,
	CNAME_ITEM = 1,
	REPORT_BYTES = 24,
	SENDER_BYTES = 20,
	INTERVAL_US = 5000000, /* RFC 3550 s6.2; both ends of a call need less than 5% of it */
	FIRST_US = 250000, /* the first may be sent at once when there are two (RFC 3550 s6.2) */
	ANSWER_US = 500000
};

/* -- packets ---------------------------------------------------------------------------------------------------------------- */

static int32_t signed_24(uint32_t v)
{
	return (int32_t)(v << 8) >> 8;
}

static void read_reports(struct reload_rtcp *out, struct rd *r, unsigned count, uint32_t own)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t about = rd_u32(r);
		struct reload_rtcp_report report = { .fraction = rd_u8(r) };
		report.lost = signed_24((uint32_t)rd_int(r, 3));
		report.highest = rd_u32(r);
		report.jitter = rd_u32(r);
		report.last_sr = rd_u32(r);
		report.delay = rd_u32(r);
		if (r->err || about != own)
			continue;
		out->has_report = true;
		out->report = report;
	}
}

static void read_part(
	struct reload_rtcp *out, struct span body, unsigned type, unsigned count, uint32_t own)
{
	struct rd r = rd_of(body);
	if (type == SR || type == RR) {
		out->ssrc = rd_u32(&r);
		if (type == SR) {
			out->ntp = rd_u64(&r);
			rd_span(&r, SENDER_BYTES - 8);
			out->has_sender = !r.err;
		}
		read_reports(out, &r, count, own);
	} else if (type == BYE) {
		for (unsigned i = 0; i < count; i++)
			if (rd_u32(&r) == out->ssrc && !r.err)
				out->bye = true;
	}
}

/* The bytes that a report of that many blocks needs. */
static size_t least(unsigned type, unsigned count)
{
	return type == SR   ? 4 + SENDER_BYTES + REPORT_BYTES * (size_t)count
	       : type == RR ? 4 + REPORT_BYTES * (size_t)count
			    : 0;
}

enum reload_err reload_rtcp_read(struct reload_rtcp *out, struct span packet, uint32_t own)
{
	struct rd r = rd_of(packet);
	struct reload_rtcp p = { 0 };
	bool first = true;
	while (rd_more(&r) || first) {
		unsigned head = rd_u8(&r), type = rd_u8(&r), count = head & 0x1f;
		struct span body = rd_span(&r, 4u * rd_u16(&r));
		bool known = type >= FIRST_TYPE && type <= LAST_TYPE, padded = head & 0x20;
		if (r.err || head >> 6 != VERSION || !known ||
			(first && type != SR && type != RR) || (padded && rd_more(&r)))
			return RELOAD_BAD_VALUE;
		if (padded) {
			uint8_t n = body.len ? body.at[body.len - 1] : 0;
			if (!n || n > body.len)
				return RELOAD_BAD_VALUE;
			body.len -= n;
		}
		if (body.len < least(type, count))
			return RELOAD_BAD_VALUE;
		read_part(&p, body, type, count, own);
		first = false;
	}
	*out = p;
	return RELOAD_OK;
}

/* -- one end ---------------------------------------------------------------------------------------------------------------- */

static uint64_t ntp_of(uint64_t us)
{
	return us / 1000000 << 32 | (us % 1000000 << 32) / 1000000;
}

static uint32_t middle_of(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

/* A number from 0 up to below a limit. */
static uint64_t spread(uint32_t chance, uint64_t limit)
{
	return chance * limit >> 32;
}

void reload_rtcp_begin(struct reload_rtcp_end *end, uint64_t now_us, bool answers, uint32_t chance)
{
	end->due = now_us + (answers ? ANSWER_US : 0) + spread(chance, FIRST_US);
}

void reload_rtcp_sent(struct reload_rtcp_end *end, const struct reload_rtp *p, uint64_t now_us)
{
	end->packets++;
	end->octets += (uint32_t)p->payload.len;
	end->timestamp = p->timestamp;
	end->sent_us = now_us;
}

static void write_sender(struct reload_rtcp_end *end, struct wr *w, uint64_t now_us)
{
	uint64_t ntp = ntp_of(now_us);
	uint64_t since = (now_us - end->sent_us) * end->rate / 1000000;
	wr_u64(w, ntp);
	wr_u32(w, end->timestamp + (uint32_t)since);
	wr_u32(w, end->packets);
	wr_u32(w, end->octets);
	end->own_sr[1] = end->own_sr[0];
	end->own_sr[0] = middle_of(ntp);
}

/* RFC 3550 A.3. */
static void write_report(struct reload_rtcp_end *end, struct wr *w,
	const struct reload_rtp_stats *s, uint64_t now_us)
{
	uint64_t expected = (uint64_t)s->highest - s->first + 1, in_source = s->of_source;
	uint64_t wanted = expected - end->expected_before, came = in_source - end->received_before;
	if (expected < end->expected_before || in_source < end->received_before)
		wanted = came = 0; /* another source */
	int64_t lost = (int64_t)expected - (int64_t)in_source;
	lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
	end->expected_before = expected;
	end->received_before = in_source;
	wr_u32(w, s->ssrc);
	uint64_t fraction = wanted > came ? ((wanted - came) << 8) / wanted : 0;
	wr_u8(w, (uint8_t)(fraction > 255 ? 255 : fraction));
	wr_int(w, (uint32_t)lost & 0xffffff, 3);
	wr_u32(w, s->highest - 0x10000u);
	wr_u32(w, (uint32_t)s->jitter);
	wr_u32(w, end->last_sr);
	uint64_t delay = end->last_sr ? (now_us - end->last_sr_us) * 65536 / 1000000 : 0;
	wr_u32(w, delay > UINT32_MAX ? UINT32_MAX : (uint32_t)delay);
}

static size_t part_open(struct wr *w, unsigned type, unsigned count)
{
	wr_u8(w, (uint8_t)(VERSION << 6 | count));
	wr_u8(w, (uint8_t)type);
	wr_u16(w, 0);
	return w->len;
}

static void part_close(struct wr *w, size_t from)
{
	while (!w->err && (w->len - from) % 4)
		wr_u8(w, 0);
	if (w->err)
		return;
	size_t words = (w->len - from) / 4;
	w->at[from - 2] = (uint8_t)(words >> 8);
	w->at[from - 1] = (uint8_t)words;
}

void reload_rtcp_write(struct reload_rtcp_end *end, struct wr *w,
	const struct reload_rtp_stats *received, uint64_t now_us, uint32_t chance, bool bye)
{
	unsigned reports = received->begun;
	size_t part = part_open(w, end->packets ? SR : RR, reports);
	wr_u32(w, end->ssrc);
	if (end->packets)
		write_sender(end, w, now_us);
	if (reports)
		write_report(end, w, received, now_us);
	part_close(w, part);
	part = part_open(w, SDES, 1);
	wr_u32(w, end->ssrc);
	wr_u8(w, CNAME_ITEM);
	wr_u8(w, (uint8_t)strlen(end->cname));
	wr_text(w, end->cname);
	wr_u8(w, 0);
	part_close(w, part);
	if (bye) {
		part = part_open(w, BYE, 1);
		wr_u32(w, end->ssrc);
		part_close(w, part);
	}
	end->begun = true;
	/* RFC 3550 A.7: from a half to one and a half of the interval, and less because of reconsideration */
	end->due =
		bye ? RELOAD_RTCP_NEVER
		    : now_us + (uint64_t)((INTERVAL_US / 2 + (double)spread(chance, INTERVAL_US)) /
					  1.21828);
}

void reload_rtcp_take(struct reload_rtcp_end *end, const struct reload_rtcp *p, uint64_t now_us)
{
	if (!end->begun && !end->heard && end->due != RELOAD_RTCP_NEVER)
		end->due = now_us;
	end->heard = true;
	end->gone |= p->bye;
	if (p->has_sender) {
		end->last_sr = middle_of(p->ntp);
		end->last_sr_us = now_us;
	}
	if (!p->has_report)
		return;
	end->reported = true;
	end->report = p->report;
	uint32_t sr = p->report.last_sr;
	if (!sr || (sr != end->own_sr[0] && sr != end->own_sr[1]))
		return; /* made up, or of a report long ago */
	int32_t rtt = (int32_t)(middle_of(ntp_of(now_us)) - sr - p->report.delay);
	if (rtt >= 0) {
		end->rtt_us = (uint64_t)rtt * 1000000 / 65536;
		end->rtt_us += !end->rtt_us; /* it is known */
	}
}

double reload_rtcp_loss(const struct reload_rtcp_end *end)
{
	if (!end->reported || end->report.lost <= 0 || !end->packets)
		return 0;
	double percent = 100.0 * end->report.lost / end->packets;
	return percent > 100 ? 100 : percent;
}
