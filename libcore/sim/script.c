#include "sim/script.h"

#include "util/alloc.h"
#include "util/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "kill", "start", "store", "fetch", "count", NULL };

enum {
	LINE_MAX_LEN = 256,
	NODE_ID_LEN = 16,
	IDS_MAX = 10000 /* lines with a Node-ID: each is compared with all before */
};

/* Says what is wrong with a line of the file, or (name NULL) of the script. */
static enum reload_err wrong(struct reload_error_text *why, const char *name, unsigned line,
	const char *what, const char *reason)
{
	char text[200];
	snprintf(text, sizeof(text), "%.120s:%u: %s", name ? name : "the script", line, what);
	return reload_error_explain(why, RELOAD_USAGE, text, "%s", reason);
}

/* -- the file ---------------------------------------------------------------------------------------------------------------- */

static bool word_find(enum reload_sim_order_type *out, const char *text)
{
	for (size_t i = 0; words[i]; i++)
		if (!strcmp(words[i], text)) {
			*out = (enum reload_sim_order_type)i;
			return true;
		}
	return false;
}

static bool is_text(const char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' && *line != '\t')
			return false;
	return true;
}

static const char form[] = "each line is TIME WORD PEER, such as 5s kill 3, or id PEER HEX, or a "
			   "comment behind #";

static bool peer_read(size_t *out, const char *text)
{
	uint64_t peer;
	if (!reload_digits(&peer, &text) || *text)
		return false;
	*out = (size_t)peer;
	return true;
}

static enum reload_err too_long(struct reload_error_text *why)
{
	return reload_error_explain(why, RELOAD_LIMIT, "the script is too long",
		"%d orders are the most", RELOAD_SIM_SCRIPT_MAX);
}

/* Reads `id PEER HEX`. */
static enum reload_err id_read(struct reload_sim_script *s, char *const *field, const char *name,
	unsigned number, struct reload_error_text *why)
{
	struct reload_sim_order_id id = { .line = number };
	if (!peer_read(&id.peer, field[1]))
		return wrong(why, name, number, "the second word is no number of a peer", form);
	if (reload_id_from_hex(&id.id, field[2]) || id.id.len != NODE_ID_LEN)
		return wrong(why, name, number, "the third word is no Node-ID",
			"a Node-ID here has 32 hex digits");
	for (size_t i = 0; i < s->ids_count; i++)
		if (s->ids[i].peer == id.peer || reload_id_eq(&s->ids[i].id, &id.id))
			return wrong(why, name, number, "this peer or Node-ID had a line before",
				"each peer has one Node-ID, which is its own");
	if (s->ids_count >= IDS_MAX)
		return too_long(why);
	reload_grow(&s->ids, &s->ids_cap, s->ids_count, sizeof(*s->ids));
	s->ids[s->ids_count++] = id;
	return RELOAD_OK;
}

/* Reads the order of a line, which it changes; an empty line has none. */
static enum reload_err line_read(struct reload_sim_script *s, char *line, const char *name,
	unsigned number, struct reload_error_text *why)
{
	struct reload_sim_order o = { .line = number };
	char *rest = line, *field[4] = { NULL }, *next;
	size_t fields = 0;
	line[strcspn(line, "#")] = 0;
	if (!is_text(line))
		return wrong(why, name, number, "the line is no text", form);
	while (fields < COUNT_OF(field) && (next = strsep(&rest, " \t")))
		if (*next)
			field[fields++] = next;
	if (!fields)
		return RELOAD_OK;
	if (fields == 3 && !strcmp(field[0], "id"))
		return id_read(s, field, name, number, why);
	bool counts = fields == 2 && !strcmp(field[1], words[RELOAD_SIM_ORDER_COUNT]);
	if (!counts && fields != 3)
		return wrong(why, name, number, "this is no order", form);
	if (reload_time_parse(&o.at, field[0]))
		return wrong(why, name, number, "the first word is no time", form);
	if (!word_find(&o.type, field[1]))
		return wrong(why, name, number, "the second word is unknown",
			"the words are kill, start, store, fetch and count");
	if (counts == (o.type != RELOAD_SIM_ORDER_COUNT))
		return wrong(why, name, number, "this is no order", form);
	if (!counts && !peer_read(&o.peer, field[2]))
		return wrong(why, name, number, "the third word is no number of a peer", form);
	if (s->count && o.at < s->orders[s->count - 1].at)
		return wrong(why, name, number, "the time goes back",
			"the lines of a script are in the order of their times");
	if (s->count >= RELOAD_SIM_SCRIPT_MAX)
		return too_long(why);
	reload_grow(&s->orders, &s->cap, s->count, sizeof(*s->orders));
	s->orders[s->count++] = o;
	return RELOAD_OK;
}

enum reload_err reload_sim_script_read(struct reload_sim_script *out, const char *text, size_t len,
	const char *name, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	*out = (struct reload_sim_script){ .orders = NULL };
	for (unsigned number = 1; len && !err; number++) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len, taken = end ? n + 1 : n;
		char line[LINE_MAX_LEN];
		if (n >= sizeof(line) || memchr(text, 0, n)) {
			err = wrong(why, name, number, "the line is no text",
				"it has a byte 0, or is longer than 255 bytes");
			break;
		}
		memcpy(line, text, n);
		line[n] = 0;
		err = line_read(out, line, name, number, why);
		text += taken;
		len -= taken;
	}
	if (err)
		reload_sim_script_clear(out);
	return err;
}

void reload_sim_script_clear(struct reload_sim_script *s)
{
	free(s->orders);
	free(s->ids);
	*s = (struct reload_sim_script){ .orders = NULL };
}

/* -- in a scenario ------------------------------------------------------------------------------------------------------------- */

static enum reload_err no_peer(struct reload_error_text *why, unsigned line)
{
	return wrong(why, NULL, line, "there is no such peer",
		"peers are numbered from 0 to one less than the setting peers");
}

enum reload_err reload_sim_script_check(const struct reload_sim_script *s,
	const struct reload_sim_scenario *scenario, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; i < s->ids_count && !err; i++)
		if (s->ids[i].peer >= scenario->peers)
			err = no_peer(why, s->ids[i].line);
	bool *down = reload_alloc_array(scenario->peers, sizeof(*down));
	for (size_t i = 0; i < s->count && !err; i++) {
		const struct reload_sim_order *o = &s->orders[i];
		if (o->peer >= scenario->peers)
			err = no_peer(why, o->line);
		else if (o->at >= scenario->duration)
			err = wrong(why, NULL, o->line, "the run is over by then",
				"the setting duration says how long it lasts");
		else if (o->type == RELOAD_SIM_ORDER_KILL && !o->peer)
			err = wrong(why, NULL, o->line, "peer 0 cannot be killed",
				"the others join through it");
		else if (o->type == RELOAD_SIM_ORDER_START && !down[o->peer])
			err = wrong(why, NULL, o->line, "the peer runs already",
				"no line before has killed it");
		else if ((o->type == RELOAD_SIM_ORDER_KILL || o->type == RELOAD_SIM_ORDER_STORE) &&
			 down[o->peer])
			err = wrong(why, NULL, o->line, "the peer does not run",
				"a line before has killed it");
		else if (o->type == RELOAD_SIM_ORDER_KILL || o->type == RELOAD_SIM_ORDER_START)
			down[o->peer] = o->type == RELOAD_SIM_ORDER_KILL;
	}
	free(down);
	return err;
}

const struct reload_id *reload_sim_script_id(const void *script, size_t peer)
{
	const struct reload_sim_script *s = script;
	for (size_t i = 0; i < s->ids_count; i++)
		if (s->ids[i].peer == peer)
			return &s->ids[i].id;
	return NULL;
}

/* Whether a line after i starts the peer again. */
static bool starts_again(const struct reload_sim_script *s, size_t i)
{
	for (size_t k = i + 1; k < s->count; k++)
		if (s->orders[k].peer == s->orders[i].peer &&
			s->orders[k].type == RELOAD_SIM_ORDER_START)
			return true;
	return false;
}

void reload_sim_script_faults(const struct reload_sim_script *s, struct reload_sim_faults *f)
{
	uint32_t serial = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct reload_sim_order *o = &s->orders[i];
		bool kill = o->type == RELOAD_SIM_ORDER_KILL;
		if (!kill && o->type != RELOAD_SIM_ORDER_START)
			continue;
		reload_sim_faults_add(
			f, &(struct reload_sim_fault){
				   .type = kill ? RELOAD_SIM_FAULT_CRASH : RELOAD_SIM_FAULT_RESTART,
				   .source = RELOAD_SIM_SOURCE_SCRIPT,
				   .serial = serial++,
				   .at = f->from + o->at,
				   .node = o->peer,
				   .disk = !kill || starts_again(s, i) });
	}
}
