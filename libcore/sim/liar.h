/* What the files of a lying node share: the state of one liar, how it sends, and each of its lies. */
#pragma once

#include "sim/byzantine.h"
#include "sim/forged.h"
#include "util/owned.h"

enum {
	RELOAD_SIM_LIAR_CACHED = 32,
	RELOAD_SIM_LIAR_SEEN = 32,
	RELOAD_SIM_LIAR_LINKS = 128
};

/* An answer that was sent once: for which place, and its body. */
struct reload_sim_cached_answer {
	uint8_t about[RELOAD_HASH_SIZE_MAX];
	uint64_t storage_time;
	struct bytes body;
};

struct reload_sim_liar_link {
	uint32_t link;
	struct reload_id node;
};

struct reload_sim_liar {
	struct reload_sim_byzantine *all;
	size_t index;
	struct reload_config *config; /* NULL: its engine has not been running yet */
	bool timed, flooding;
	reload_ms flood_until;
	struct reload_sim_liar_link links[RELOAD_SIM_LIAR_LINKS];
	size_t links_count;
	struct reload_sim_cached_answer cached[RELOAD_SIM_LIAR_CACHED];
	size_t cached_next;
	struct bytes seen[RELOAD_SIM_LIAR_SEEN];
	size_t seen_next;
};

struct reload_sim_byzantine {
	struct reload_sim *sim;
	struct reload_sim_liar **liars; /* by index of the node; NULL: it never lied */
	uint64_t sent[RELOAD_SIM_LIES], refused;
};

/* reload_sim_liar_prng() and reload_sim_liar_node() return the random numbers of its world and the node that lies. */
struct reload_prng *reload_sim_liar_prng(const struct reload_sim_liar *l);
struct reload_sim_node *reload_sim_liar_node(const struct reload_sim_liar *l);

/* reload_sim_liar_forger() returns what signs the messages of l; it borrows from l. */
struct reload_sim_forger reload_sim_liar_forger(const struct reload_sim_liar *l);

/* reload_sim_liar_chance() draws: true with this probability. */
bool reload_sim_liar_chance(const struct reload_sim_liar *l, uint32_t per_cent);

/* reload_sim_liar_send() sends message over link and counts it as a lie; an empty message is only counted. */
void reload_sim_liar_send(
	struct reload_sim_liar *l, uint32_t lie, uint32_t link, struct span message);

/*
 * Lies about a message that the liar sends or forwards over link (lie_changed.c); false: nothing was sent instead of the message.
 * reload_sim_lie_stale() remembers the first answer for a place, and sends it again instead of a newer one; the body of m is decoded.
 * reload_sim_lie_instead() answers a Fetch or Store in transit as if this node were responsible.  reload_sim_lie_forged() changes a value
 * of another node in a Store or an answer of this node, and signs the message again.  reload_sim_lie_estimates() does so with the estimates of
 * a Probe or its answer: the largest numbers that are believed.  reload_sim_lie_damaged() always sends: the
 * message with other bytes or another length.
 */
bool reload_sim_lie_stale(struct reload_sim_liar *l, uint32_t link, const struct reload_msg *m);
bool reload_sim_lie_instead(struct reload_sim_liar *l, struct reload_msg *m);
bool reload_sim_lie_forged(struct reload_sim_liar *l, uint32_t link, struct reload_msg *m);
bool reload_sim_lie_estimates(struct reload_sim_liar *l, uint32_t link, const struct reload_msg *m);
void reload_sim_lie_damaged(struct reload_sim_liar *l, uint32_t link, struct span message);

/*
 * Lies that are sent without cause (lie_unasked.c), each to a node of l->links, which must not be empty.  reload_sim_lie_update() sends a
 * false Update, counted as the lie given; reload_sim_lie_join() a Join in the name of another node, or one that does not come over the link
 * of its sender; reload_sim_lie_store() a Store that must be refused; reload_sim_lie_large() a message above max-message-size;
 * reload_sim_lie_again() a message that l saw before.
 */
void reload_sim_lie_update(struct reload_sim_liar *l, uint32_t lie);
void reload_sim_lie_join(struct reload_sim_liar *l);
void reload_sim_lie_store(struct reload_sim_liar *l);
void reload_sim_lie_large(struct reload_sim_liar *l);
void reload_sim_lie_again(struct reload_sim_liar *l);
