#include "util/err.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name, *text;
	int rpc, status;
} errors[] = {
#define X(name, text, rpc, status) [RELOAD_##name] = { #name, text, rpc, status },
#include "util/err.def"
#undef X
};

enum {
	ERRORS = sizeof(errors) / sizeof(errors[0]),
	NAME_MAX_LEN = 32
};

/* JSON-RPC codes of overlay errors are this number minus the error_code: one fact, kept in err.def. */
enum {
	OVERLAY_RPC = -32100,
	OVERLAY_RPC_LAST = -32199
};

const char *reload_err_text(enum reload_err err)
{
	return errors[err].text;
}

const char *reload_err_name(enum reload_err err)
{
	static _Thread_local char name[NAME_MAX_LEN];
	int i = 0;
	for (; errors[err].name[i] && i < NAME_MAX_LEN - 1; i++)
		name[i] = (char)tolower((unsigned char)errors[err].name[i]);
	name[i] = 0;
	return name;
}

bool reload_err_too_large(enum reload_err err)
{
	return err == RELOAD_RESPONSE_TOO_LARGE || err == RELOAD_MESSAGE_TOO_LARGE;
}

int reload_err_rpc(enum reload_err err)
{
	return errors[err].rpc;
}

int reload_err_exit(enum reload_err err)
{
	return errors[err].status;
}

enum reload_err reload_err_from_rpc(int rpc)
{
	for (int i = 0; i < ERRORS; i++)
		if (errors[i].rpc == rpc)
			return (enum reload_err)i;
	return RELOAD_FAILED;
}

uint16_t reload_err_overlay_code(enum reload_err err)
{
	int rpc = errors[err].rpc;
	return rpc < OVERLAY_RPC && rpc >= OVERLAY_RPC_LAST ? (uint16_t)(OVERLAY_RPC - rpc) : 0;
}

enum reload_err reload_err_from_overlay(uint16_t error_code)
{
	return error_code && error_code < 100 ? reload_err_from_rpc(OVERLAY_RPC - error_code)
					      : RELOAD_FAILED;
}

enum reload_err reload_error_explain(struct reload_error_text *w, enum reload_err err,
	const char *what, const char *reason_fmt, ...)
{
	if (!w)
		return err;
	w->advice[0] = 0;
	snprintf(w->what, sizeof(w->what), "%s", what ? what : reload_err_text(err));
	va_list ap;
	va_start(ap, reason_fmt);
	vsnprintf(w->reason, sizeof(w->reason), reason_fmt, ap);
	va_end(ap);
	return err;
}

void reload_error_advise(struct reload_error_text *w, const char *fmt, ...)
{
	if (!w)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(w->advice, sizeof(w->advice), fmt, ap);
	va_end(ap);
}
