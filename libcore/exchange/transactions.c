#include "exchange/transactions.h"

#include "util/alloc.h"

#include <stdlib.h>

static int transaction_cmp(struct reload_transaction *a, struct reload_transaction *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RELOAD_TREE(reload_transaction_tree, reload_transaction, entry, transaction_cmp)

static void fired(void *arg);

static void send_copy(struct reload_transaction *t)
{
	struct reload_transactions *table = t->table;
	reload_ms now = table->now(table->arg), due = now + table->interval;
	t->transmissions++;
	reload_timer_arm(table->timers, &t->timer, due < t->deadline ? due : t->deadline, fired, t);
	table->transmit(table->arg, t);
}

static void fired(void *arg)
{
	struct reload_transaction *t = arg;
	struct reload_transactions *table = t->table;
	if (t->transmissions < RELOAD_TRANSMISSIONS && table->now(table->arg) < t->deadline) {
		send_copy(t);
		return;
	}
	reload_transaction_end(t);
	table->failed(table->arg, t);
}

void reload_transaction_hasten(struct reload_transaction *t)
{
	if (t->active)
		reload_timer_arm(
			t->table->timers, &t->timer, t->table->now(t->table->arg), fired, t);
}

bool reload_transaction_begin(struct reload_transactions *table, struct reload_transaction *t,
	uint64_t id, reload_ms timeout_ms)
{
	t->id = id;
	if (RB_INSERT(reload_transaction_tree, &table->tree, t))
		return false;
	t->table = table;
	t->active = true;
	t->transmissions = 0;
	reload_ms whole = table->interval * RELOAD_TRANSMISSIONS;
	t->begun = table->now(table->arg);
	t->deadline = t->begun + (timeout_ms && timeout_ms < whole ? timeout_ms : whole);
	table->count++;
	send_copy(t);
	return true;
}

static void remember(struct reload_transactions *table, uint64_t id)
{
	if (!table->repeated)
		table->repeated = reload_alloc_array(RELOAD_REPEATED_MAX, sizeof(*table->repeated));
	table->repeated[table->repeated_count++ % RELOAD_REPEATED_MAX] = id;
}

bool reload_transaction_was_repeated(const struct reload_transactions *table, uint64_t id)
{
	for (size_t i = 0; i < table->repeated_count && i < RELOAD_REPEATED_MAX; i++)
		if (table->repeated[i] == id)
			return true;
	return false;
}

void reload_transactions_clear(struct reload_transactions *table)
{
	free(table->repeated);
	table->repeated = NULL;
	table->repeated_count = 0;
}

void reload_transaction_end(struct reload_transaction *t)
{
	if (!t->active)
		return;
	t->active = false;
	if (t->transmissions > 1)
		remember(t->table, t->id);
	reload_timer_cancel(t->table->timers, &t->timer);
	RB_REMOVE(reload_transaction_tree, &t->table->tree, t);
	t->table->count--;
}

struct reload_transaction *reload_transaction_find(struct reload_transactions *table, uint64_t id)
{
	struct reload_transaction key = { .id = id };
	return RB_FIND(reload_transaction_tree, &table->tree, &key);
}
