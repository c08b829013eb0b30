/*
 * The RELAX NG grammar of overlay configuration documents, for programs that write them: a second check beside
 * reload_config_parse(), which has a small parser of its own.  A program that calls it needs libxml2.
 */
#pragma once

#include "util/bytes.h"
#include "util/err.h"

/*
 * reload_schema_check() validates a document that reload_config_parse() has accepted against the grammar of RFC 6940
 * s11.1.1, with all configurations in it.  RELOAD_BAD_CONFIG with the library's reason in why.
 */
enum reload_err reload_schema_check(struct span text, struct reload_error_text *why) MUST_CHECK;
