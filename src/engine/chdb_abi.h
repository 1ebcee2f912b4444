/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libchdb.so 26.7.3 that we call, by prototype. The library is loaded at run time
 * (chdb.c) and refused when it is another version: the prototypes of 1.x differ. */
#ifndef TELLTALE_ENGINE_CHDB_ABI_H
#define TELLTALE_ENGINE_CHDB_ABI_H

#include <stddef.h>
#include <stdint.h>

#define CHDB_ABI_VERSION "26.7.3"

/* Handles: only pointers to them cross the border. */
struct chdb_result;
struct chdb_handle;
struct chdb_insert;
typedef struct chdb_handle *chdb_handle;

/* FUNCTION(result, name, arguments) */
#define CHDB_ABI(FUNCTION)                                                                         \
    FUNCTION(const char *, version, (void))                                                        \
    FUNCTION(void, set_signal_handlers_enabled, (int enabled))                                     \
    /* NULL: refused. The answer points to the handle. */                                          \
    FUNCTION(chdb_handle *, connect, (int argc, char **argv))                                      \
    FUNCTION(void, close_conn, (chdb_handle * connection))                                         \
    FUNCTION(                                                                                      \
        struct chdb_result *, query_n,                                                             \
        (chdb_handle, const char *sql, size_t sql_len, const char *format, size_t format_len))     \
    FUNCTION(                                                                                      \
        struct chdb_result *, stream_query_n,                                                      \
        (chdb_handle, const char *sql, size_t sql_len, const char *format, size_t format_len))     \
    /* Empty and without error at the end. */                                                      \
    FUNCTION(struct chdb_result *, stream_fetch_result, (chdb_handle, struct chdb_result *))       \
    FUNCTION(void, stream_cancel_query, (chdb_handle, struct chdb_result *))                       \
    FUNCTION(void, destroy_query_result, (struct chdb_result *))                                   \
    FUNCTION(char *, result_buffer, (struct chdb_result *))                                        \
    FUNCTION(size_t, result_length, (struct chdb_result *))                                        \
    /* NULL when there was none. */                                                                \
    FUNCTION(const char *, result_error, (struct chdb_result *))                                   \
    /* Never NULL: ask stream_insert_error. */                                                     \
    FUNCTION(                                                                                      \
        struct chdb_insert *, stream_insert_n,                                                     \
        (chdb_handle, const char *sql, size_t sql_len, const char *format, size_t format_len))     \
    FUNCTION(int, stream_append, (struct chdb_insert *, const void *at, size_t len))               \
    FUNCTION(struct chdb_result *, stream_done, (struct chdb_insert *))                            \
    FUNCTION(void, stream_cancel_insert, (struct chdb_insert *))                                   \
    FUNCTION(const char *, stream_insert_error, (struct chdb_insert *))                            \
    FUNCTION(void, destroy_insert_stream, (struct chdb_insert *))

#endif
