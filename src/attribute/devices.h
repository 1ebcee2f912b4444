/* SPDX-License-Identifier: Apache-2.0 */
/* Devices by the services that only they ask for: catalogue/devices.yaml. The weakest evidence of a
 * platform, and the only one that flow records without payload can hold. */
#ifndef TELLTALE_ATTRIBUTE_DEVICES_H
#define TELLTALE_ATTRIBUTE_DEVICES_H

#include "base/error.h"
#include "batch/batch.h"
#include "schema/symbols.h"

struct devices;

/* Compiles the built-in list, or the text of another one. */
int devices_open(const struct symbols *symbols, struct devices **ret, struct error *err);
int devices_parse(const char *text, size_t len, const struct symbols *symbols, struct devices **ret,
                  struct error *err);
void devices_free(struct devices *d);

/* Fills platform and platform_basis of attributed conversations (STAGE_FLOW) that the population
 * opened, where nothing stronger is known. One struct devices serves one thread. */
void devices_batch(struct devices *d, struct batch *flows);

#endif
