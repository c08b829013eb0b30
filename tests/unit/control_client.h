/* A program that talks to a control socket. */
#ifndef UNIT_CONTROL_CLIENT_H
#define UNIT_CONTROL_CLIENT_H

#include "control/client_io.h"
#include "link/poll_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline reload_ms soon(void)
{
	return reload_poll_now() + 20000;
}

static inline struct reload_client *connected(const char *path)
{
	struct reload_client *c = NULL;
	struct reload_error_text why;
	assert_int_equal(reload_client_connect(&c, path, NULL, soon(), -1, &why), RELOAD_OK);
	return c;
}

static inline enum reload_err call(
	struct reload_client *c, const char *method, json_t *params, reload_ms deadline)
{
	struct reload_call_error error;
	json_t *result = NULL;
	enum reload_err err =
		reload_client_call(c, method, params, deadline, NULL, NULL, &result, &error);
	json_decref(result);
	reload_call_error_clear(&error);
	return err;
}

#endif
