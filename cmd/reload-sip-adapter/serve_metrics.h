/* What --metrics serves. */
#pragma once

#include "reload-sip-adapter/adapter.h"

/* serve_metrics() appends everything of a struct adapter, as metrics_text_fn. */
void serve_metrics(struct wr *w, void *adapter);
