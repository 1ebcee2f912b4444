/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void mark_cut(struct error *err, int wanted)
{
    if (wanted >= (int)sizeof err->text)
        memcpy(err->text + sizeof err->text - 4, "...", 4);
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    mark_cut(err, wanted);
    err->code = code;
    return code;
}

int error_errno(struct error *err, const char *format, ...)
{
    int saved = errno;
    if (!err)
        return ERROR_FAILED;
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_set(err, ERROR_FAILED, "%s: %s", what, strerror(saved));
}

int error_context(struct error *err, const char *format, ...)
{
    if (!err)
        return ERROR_FAILED;
    char what[512], before[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    memcpy(before, err->text, sizeof before);
    mark_cut(err, snprintf(err->text, sizeof err->text, "%s: %s", what, before));
    return err->code;
}
