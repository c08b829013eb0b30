/* cc store-and-fetch.c $(pkg-config --cflags --libs libreload); ./a.out alice alice@calls.example 'back at noon' */
#include <reload.h>
#include <stdio.h>
#include <string.h>

static int explain(const struct reload_session *s, int status)
{
	fprintf(stderr, "%s\n  why:  %s\n", reload_session_what(s), reload_session_why(s));
	if (*reload_session_advice(s))
		fprintf(stderr, "  try:  %s\n", reload_session_advice(s));
	return status;
}

int main(int argc, char **argv)
{
	struct reload_session *s;
	struct reload_values *values;
	if (argc != 4)
		return fprintf(stderr, "usage: %s AGENT NAME TEXT\n", argv[0]), 2;
	int err = reload_session_open(&s, argv[1], 20000);
	if (!err)
		err = reload_value_store(s, "0xf0000001", argv[2], argv[3], strlen(argv[3]), 3600);
	if (!err) {
		err = reload_values_fetch(s, "0xf0000001", argv[2], &values);
		for (size_t i = 0; i < reload_values_count(values); i++) {
			size_t len;
			const char *bytes = reload_value_bytes(values, i, &len);
			printf("%.*s   signed by %s\n", (int)len, bytes,
				reload_value_user(values, i));
		}
		reload_values_free(values);
	}
	err = err ? explain(s, err) : 0;
	reload_session_close(s);
	return err;
}
