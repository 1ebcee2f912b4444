/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/export.h"

int export_report(const struct invocation *in, const struct export_options *o, struct error *err)
{
    (void)in;
    return error_set(err, ERROR_USAGE, "export: %s", o->what);
}
