/* Text from other nodes, made safe to show: characters that control a terminal or change the direction of the text are escaped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character of UTF-8 text. */
struct reload_char {
	uint32_t code; /* Unicode code point; the byte itself where the text is not UTF-8 */
	uint8_t len;   /* bytes */
	bool steers;   /* control (C0, DEL, C1), line separator, direction mark, or not UTF-8 */
};

/* reload_char_at() reads the first character of text, which ends with NUL and is not empty. */
struct reload_char reload_char_at(const char *text);

enum {
	RELOAD_PLAIN_CHAR = 8
};
/* reload_plain_char() writes c as \n, \t, \xNN or \uNNNN and returns out. */
char *reload_plain_char(char out[RELOAD_PLAIN_CHAR], struct reload_char c);

/* reload_plain() copies text with such characters escaped, cut before the first character that does not fit, and returns out. */
char *reload_plain(char *out, size_t size, const char *text);
