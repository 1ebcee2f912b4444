/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "report/output.h"

/* The model's numbers have seven significant digits; fifteen print each as the shortest decimal
 * that reads back as itself, where seventeen would print 0.1 as 0.10000000000000001. */
enum { DIGITS = 15 };

int report_write_json(const json_t *model, const char *path, struct error *err)
{
    struct output o;
    int status = output_open(&o, path, err);
    if (status < 0)
        return status;
    if (json_dumpf(model, o.file, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS)) < 0 &&
        !ferror(o.file)) {
        output_abort(&o);
        return error_set(err, ERROR_FAILED, "the report cannot be written as JSON");
    }
    putc('\n', o.file);
    return output_commit(&o, err);
}
