#include "reload-enroll/qr.h"

#include "util/bytes.h"

#include <openssl/crypto.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

enum {
	MARGIN =
		2 /* the standard has 4; readers are content with 2, and a terminal has 80 columns */
};

static bool is_light(const QRcode *code, int x, int y)
{
	bool outside = x < 0 || y < 0 || x >= code->width || y >= code->width;
	return outside || !(code->data[y * code->width + x] & 1);
}

json_t *qr_lines(const char *text)
{
	static const char *const blocks[] = { " ", "\u2584", "\u2580", "\u2588" };
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	if (!code)
		return NULL;
	json_t *lines = json_array();
	for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
		struct wr line;
		wr_init(&line);
		for (int x = -MARGIN; x < code->width + MARGIN; x++) {
			bool below = y + 1 < code->width + MARGIN && is_light(code, x, y + 1);
			wr_text(&line, blocks[2 * is_light(code, x, y) + below]);
		}
		json_array_append_new(lines, json_stringn((const char *)line.at, line.len));
		OPENSSL_cleanse(line.at, line.len); /* it is the secret in another form */
		wr_clear(&line);
	}
	OPENSSL_cleanse(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	return lines;
}
