/* Tables, range and orders about data follow the links. */
#pragma once

#include "topology/chord_base.h"

/* reload_chord_refresh() brings tables, range and orders about data in line with the links; it may end in FAILED. */
void reload_chord_refresh(struct reload_topology *t);
