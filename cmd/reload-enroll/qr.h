/* A text as a QR code (ISO/IEC 18004) for a terminal. */
#pragma once

#include "util/err.h"

#include <jansson.h>

/*
 * qr_lines() returns the lines (owned list of strings) of a QR code for text, two rows of modules a line, with a margin of two modules; light
 * modules are drawn, as terminals are dark.  NULL: the text is too long for one.
 */
json_t *qr_lines(const char *text);
