/* Asking the node that is checked, and what comes back. */
#include "reload-diag/conform.h"

#include "ident/job.h"
#include "wire/limits.h"

#include <stdarg.h>

static bool faulty(struct conform *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool faulty(struct conform *c, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(c->fault, sizeof(c->fault), fmt, args);
	va_end(args);
	return false;
}

static bool signature_holds(struct conform *c, struct reload_cert **certs, size_t count)
{
	const struct reload_signature *s = &c->answer->security.signature;
	struct reload_cert *cert = NULL;
	for (size_t i = 0; i < count && !cert; i++)
		if (reload_cert_denotes(certs[i], &s->identity, &c->signer))
			cert = certs[i];
	if (!cert)
		return faulty(c, "no certificate of the answer is that of its signer");
	struct reload_job *job = reload_job_verify(cert, s);
	reload_job_check_cert(job, c->me.config->trust, certs, count, cli_now());
	reload_msg_signature_input(&job->input, c->answer->header.overlay,
		c->answer->header.transaction_id, c->answer->contents, s->identity_bytes);
	reload_job_run(job);
	enum reload_err err = job->err;
	reload_job_free(job);
	return !err || faulty(c, "the signature of the answer: %s", reload_err_text(err));
}

static bool answer_signed(struct conform *c)
{
	const struct reload_security_block *s = &c->answer->security;
	struct reload_cert *certs[RELOAD_LIMIT_CERTIFICATES];
	size_t count = 0;
	for (size_t i = 0; i < s->certificates_count && count < COUNT_OF(certs); i++)
		if (s->certificates[i].type == RELOAD_X509 &&
			!reload_cert_parse(&certs[count], &reload_ident_openssl,
				s->certificates[i].certificate, NULL))
			count++;
	bool fine = signature_holds(c, certs, count);
	while (count)
		reload_cert_free(certs[--count]);
	return fine;
}

static void forget_answer(struct conform *c)
{
	reload_msg_free(TAKE(c->answer));
	c->signer = (struct reload_id){ 0 };
	*c->fault = '\0';
}

/* What came and is not what somebody waits for. */
static void note(struct conform *c, const struct reload_header *h, uint16_t code)
{
	if (code == RELOAD_CONFIG_UPDATE_REQ)
		c->updates++;
	if (!reload_code_is_request(code)) {
		size_t at = c->strays_count++ % CONFORM_STRAYS;
		c->strays[at].transaction = h->transaction_id;
		c->strays[at].code = code;
	}
}

bool conform_answer(struct conform *c, uint64_t transaction, reload_ms wait)
{
	reload_ms begun = cli_monotonic();
	struct span message;
	struct reload_header h;
	forget_answer(c);
	while (conform_read(c, &c->link, begun + wait, &message)) {
		if (reload_header_read(&h, message, &c->ctx))
			continue;
		uint16_t code = reload_message_code(&h, message);
		if (h.transaction_id != transaction || reload_code_is_request(code)) {
			note(c, &h, code);
			if (cli_monotonic() >= begun + wait)
				break;
			continue;
		}
		c->took = cli_monotonic() - begun;
		enum reload_err err = reload_msg_decode(&c->answer, message, &c->ctx);
		if (!err)
			err = reload_msg_body(c->answer, &c->ctx);
		if (err)
			return faulty(c, "the answer cannot be read: %s", reload_err_text(err));
		return answer_signed(c);
	}
	return faulty(c, "%s%s", *c->link.end ? "the link has ended: " : "no answer",
		*c->link.end ? c->link.end : "");
}

bool conform_up(struct conform *c)
{
	if (c->link.ssl && !*c->link.end)
		return true;
	conform_hang_up(&c->link);
	if (conform_dial(c, &c->link, CONFORM_SHOW_OWN)) {
		c->failed_dials = 0;
		return true;
	}
	c->failed_dials++;
	forget_answer(c);
	return faulty(c, "no link: %.120s", c->link.end);
}

bool conform_ask(struct conform *c, struct draft *d)
{
	struct wr w;
	if (!conform_up(c))
		return false;
	wr_init(&w);
	draft_write(c, d, &w);
	bool sent = conform_frame(c, &c->link, wr_done(&w));
	wr_clear(&w);
	forget_answer(c);
	return sent ? conform_answer(c, d->header.transaction_id, c->wait_ms)
		    : faulty(c, "the link has ended: %.120s", c->link.end);
}

uint16_t conform_error(const struct conform *c)
{
	return c->answer && c->answer->code == RELOAD_ERROR && c->answer->body_decoded
		       ? c->answer->body.error.error_code
		       : 0;
}

uint16_t conform_stray(const struct conform *c, uint64_t transaction)
{
	size_t known = c->strays_count < CONFORM_STRAYS ? c->strays_count : CONFORM_STRAYS;
	for (size_t i = 0; i < known; i++)
		if (c->strays[i].transaction == transaction)
			return c->strays[i].code;
	return 0;
}
