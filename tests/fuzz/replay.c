/*
 * Runs a fuzz target on files, without libFuzzer: the corpus as a test that any compiler can build.
 *
 *   replay FILE...
 *
 * Each file is copied to a heap block of its exact size, so that AddressSanitizer sees one byte too far.  The name of a
 * file is printed after the target returned: the one that is missing made it fail.
 */
#include "util/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *in = fopen(path, "rb");
	if (!in || fseek(in, 0, SEEK_END)) {
		perror(path);
		return 1;
	}
	size_t size = (size_t)ftell(in);
	uint8_t *data = reload_alloc(size);
	rewind(in);
	if (fread(data, 1, size, in) != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	fclose(in);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("replayed %s\n", path);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
