/* Pictures of a ring, from the result of overlay.map.  The same result gives the same bytes; all that is in it are digits, and words of our own. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* map_text() draws a line a peer, at most `width` characters wide; utf8: with blocks. */
void map_text(FILE *out, const json_t *map, size_t width, bool utf8);

/* map_describe() says the same in sentences. */
void map_describe(FILE *out, const json_t *map);

/* map_dot() writes a graph for Graphviz, map_svg() a picture, map_html() a page that holds the picture and works without a network. */
void map_dot(FILE *out, const json_t *map);
void map_svg(FILE *out, const json_t *map);
void map_html(FILE *out, const json_t *map);

/* map_fault() returns what a fault of a peer means, as the verb between two Node-IDs. */
const char *map_fault(const json_t *fault);
