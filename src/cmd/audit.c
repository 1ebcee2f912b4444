/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/zone.h"

enum { LINE_MAX_OCTETS = 1 << 20, HEX_OCTETS = 2 * crypto_hash_sha256_BYTES + 1 };

static void digest_of(const char *line, size_t len, char ret[HEX_OCTETS])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)line, len);
    sodium_bin2hex(ret, HEX_OCTETS, digest, sizeof digest);
}

/* Arguments are not always UTF-8. */
static json_t *text_json(const char *text)
{
    json_t *made = json_string(text);
    if (made)
        return made;
    char *hex = memory_alloc(2 * strlen(text) + 1);
    sodium_bin2hex(hex, 2 * strlen(text) + 1, (const unsigned char *)text, strlen(text));
    made = json_sprintf("hex:%s", hex);
    free(hex);
    return made;
}

static json_t *line_of(const struct invocation *in, const char *previous)
{
    struct timespec now;
    char when[TIME_TEXT_MAX];
    json_t *arguments = json_array();
    const struct passwd *user = getpwuid(getuid());
    char number[32];
    clock_gettime(CLOCK_REALTIME, &now);
    time_print_ms((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, when);
    snprintf(number, sizeof number, "%u", (unsigned)getuid());
    for (int i = 0; in->verb->options[i].name; i++) {
        if (!in->values[i])
            continue;
        json_t *value = text_json(in->values[i]);
        json_array_append_new(arguments, in->verb->options[i].argument
                                             ? json_sprintf("--%s=%s", in->verb->options[i].name,
                                                            json_string_value(value))
                                             : json_sprintf("--%s", in->verb->options[i].name));
        json_decref(value);
    }
    for (int i = 0; i < in->argument_count; i++)
        json_array_append_new(arguments, text_json(in->arguments[i]));
    return json_pack("{s:s, s:s, s:s, s:o, s:s}", "time", when, "user",
                     user ? user->pw_name : number, "verb", in->verb->name, "arguments", arguments,
                     "previous", previous);
}

/* The last whole line's digest; zeros for the first line. A line that was cut by a crash is ended,
 * so that it stands and is seen. */
static int last_digest(int fd, char ret[HEX_OCTETS])
{
    struct stat st;
    memset(ret, '0', HEX_OCTETS - 1);
    ret[HEX_OCTETS - 1] = 0;
    if (fstat(fd, &st) < 0)
        return -1;
    if (st.st_size == 0)
        return 0;
    size_t len = st.st_size < LINE_MAX_OCTETS ? (size_t)st.st_size : LINE_MAX_OCTETS;
    char *tail = memory_alloc(len);
    if (pread(fd, tail, len, st.st_size - (off_t)len) != (ssize_t)len) {
        free(tail);
        return -1;
    }
    if (tail[len - 1] == '\n')
        len--;
    else if (write(fd, "\n", 1) != 1) {
        free(tail);
        return -1;
    }
    size_t from = len;
    while (from > 0 && tail[from - 1] != '\n')
        from--;
    digest_of(tail + from, len - from, ret);
    free(tail);
    return 0;
}

static int append(const struct invocation *in, int fd)
{
    char previous[HEX_OCTETS];
    if (flock(fd, LOCK_EX) < 0 || last_digest(fd, previous) < 0)
        return -1;
    json_t *line = line_of(in, previous);
    char *text = json_dumps(line, JSON_COMPACT);
    size_t len = strlen(text);
    text = memory_resize(text, len + 2, 1);
    text[len] = '\n';
    ssize_t put = write(fd, text, len + 1);
    free(text);
    json_decref(line);
    return put == (ssize_t)len + 1 ? 0 : -1;
}

/* Those that touch no data of a study: making one, worlds, look-ups in the catalogue, this log. */
static bool is_noted(const char *verb)
{
    static const char *const without[] = {"init", "simulate", "audit", "look", "list", "doctor"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (strcmp(without[i], verb) == 0)
            return false;
    return true;
}

void audit_note(const struct invocation *in)
{
    char path[PATH_MAX];
    if (!is_noted(in->verb->name))
        return;
    snprintf(path, sizeof path, "%s/study.yaml", in->directory);
    if (access(path, R_OK) < 0)
        return;
    snprintf(path, sizeof path, "%s/audit.log", in->directory);
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || append(in, fd) < 0)
        fprintf(stderr, "telltale: %s cannot be written: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* --- telltale audit --- */

static const struct verb_option options[] = {
    {"json", 0, NULL, "the lines as JSON"},
    {NULL, 0, NULL, NULL},
};

static void print_line(const json_t *line)
{
    size_t i;
    json_t *argument;
    printf("%s %s %s", json_string_value(json_object_get(line, "time")),
           json_string_value(json_object_get(line, "user")),
           json_string_value(json_object_get(line, "verb")));
    json_array_foreach(json_object_get(line, "arguments"), i, argument)
    {
        char *text = json_dumps(argument, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        printf(" %s", text);
        free(text);
    }
    putchar('\n');
}

static int check_line(const char *path, const char *text, size_t len, size_t number,
                      const char *previous, bool as_json, struct error *err)
{
    json_t *line = json_loadb(text, len, 0, NULL);
    const char *stated = json_string_value(json_object_get(line, "previous"));
    int status = 0;
    if (!stated)
        status = error_set(err, ERROR_DAMAGED, "%s:%zu: this is no line of the log", path, number);
    else if (strcmp(stated, previous) != 0)
        status =
            error_set(err, ERROR_DAMAGED,
                      "%s:%zu: the line before was changed, or lines were taken out", path, number);
    else if (as_json)
        printf("%.*s\n", (int)len, text);
    else
        print_line(line);
    json_decref(line);
    return status;
}

static int run(struct invocation *in, struct error *err)
{
    char path[PATH_MAX], previous[HEX_OCTETS], *text = NULL;
    size_t room = 0, number = 0;
    ssize_t len;
    int status = 0;
    snprintf(path, sizeof path, "%s/audit.log", in->directory);
    FILE *file = fopen(path, "re");
    if (!file)
        return error_errno(err, "%s", path);
    memset(previous, '0', HEX_OCTETS - 1);
    previous[HEX_OCTETS - 1] = 0;
    while (status == 0 && (len = getline(&text, &room, file)) > 0) {
        len -= text[len - 1] == '\n';
        status =
            check_line(path, text, (size_t)len, ++number, previous, in->values[0] != NULL, err);
        digest_of(text, (size_t)len, previous);
    }
    if (status == 0 && !in->quiet)
        fprintf(stderr, "telltale: %zu line%s, each follows from the one before; the last is %s\n",
                number, number == 1 ? "" : "s", previous);
    free(text);
    fclose(file);
    return status;
}

const struct verb verb_audit = {
    .name = "audit",
    .synopsis = "[-C DIR]",
    .summary = "who read or changed the study's data; is the log whole?",
    .options = options,
    .arguments_max = 0,
    .run = run,
    .more = "Exit status 5 where the chain of digests is broken. Keep the last line's digest "
            "elsewhere: nothing\n"
            "else shows that the log's end was cut off.\n",
};
