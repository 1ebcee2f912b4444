/* SPDX-License-Identifier: Apache-2.0 */
/* The page on paper is drawn by a browser, as readers see it; there is no second layout to keep.
 * The browser gets a folder of its own for the page, its profile and the PDF, resolves no name, and
 * may not outlive its time. As root Chromium runs only without its sandbox; the page is our own and
 * its policy lets no script but ours run. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report/output.h"
#include "report/report.h"

enum { PATH_ROOM = 4096, SECONDS_MAX = 120, POLL_MS = 50, ARGUMENTS_MAX = 20 };

extern char **environ;

static bool in_path(const char *name, char found[PATH_ROOM])
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t len = strcspn(p, ":");
        if (len > 0 &&
            (size_t)snprintf(found, PATH_ROOM, "%.*s/%s", (int)len, p, name) < PATH_ROOM &&
            access(found, X_OK) == 0)
            return true;
        p += len + (p[len] == ':');
    }
    return false;
}

static int find_browser(char found[PATH_ROOM], struct error *err)
{
    static const char *const names[] = {"chromium", "chromium-browser", "google-chrome",
                                        "google-chrome-stable"};
    const char *own = getenv("CHROMIUM");
    if (own && own[0]) {
        snprintf(found, PATH_ROOM, "%s", own);
        if (access(found, X_OK) == 0)
            return 0;
        return error_errno(err, "CHROMIUM names %s", own);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (in_path(names[i], found))
            return 0;
    return error_set(err, ERROR_FAILED,
                     "a PDF needs Chromium or Chrome and none is installed: apt install chromium, "
                     "or print the HTML report (-o) from any browser");
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    remove(path);
    return 0;
}

/* Waits for the browser; past its time it is ended with its children (its own process group). */
static int wait_for(pid_t child, struct error *err)
{
    int status = 0;
    for (int waited_ms = 0; waited_ms < SECONDS_MAX * 1000; waited_ms += POLL_MS) {
        pid_t done = waitpid(child, &status, WNOHANG);
        if (done == child)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0
                       ? 0
                       : error_set(err, ERROR_FAILED, "the browser ended without a PDF (status %d)",
                                   WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        if (done < 0)
            return error_errno(err, "wait for the browser");
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
    kill(-child, SIGKILL);
    waitpid(child, &status, 0);
    return error_set(err, ERROR_FAILED, "the browser made no PDF in %d s", SECONDS_MAX);
}

static int start(const char *browser, const char *folder, pid_t *ret, struct error *err)
{
    char profile[PATH_ROOM], to[PATH_ROOM], page[PATH_ROOM];
    snprintf(profile, sizeof(profile), "--user-data-dir=%s/profile", folder);
    snprintf(to, sizeof(to), "--print-to-pdf=%s/report.pdf", folder);
    snprintf(page, sizeof(page), "file://%s/report.html", folder);
    char *arguments[ARGUMENTS_MAX] = {(char *)browser,
                                      "--headless",
                                      "--disable-gpu",
                                      "--no-first-run",
                                      "--disable-extensions",
                                      "--disable-background-networking",
                                      "--disable-sync",
                                      "--disable-component-update",
                                      "--disable-dev-shm-usage",
                                      "--host-resolver-rules=MAP * ~NOTFOUND",
                                      "--no-pdf-header-footer",
                                      "--virtual-time-budget=20000",
                                      profile,
                                      to};
    int n = 14;
    if (geteuid() == 0)
        arguments[n++] = "--no-sandbox";
    arguments[n++] = page;
    arguments[n] = NULL;
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&files);
    for (int fd = 0; fd < 3; fd++) /* it talks; only its PDF counts */
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
    int failed = posix_spawn(ret, browser, &files, &how, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    errno = failed;
    return failed ? error_errno(err, "start %s", browser) : 0;
}

/* What the browser made, through our own way of writing files that are whole or not there. */
static int take(const char *folder, const char *path, struct error *err)
{
    char from[PATH_ROOM], piece[65536];
    struct output o;
    size_t got, all = 0;
    snprintf(from, sizeof(from), "%s/report.pdf", folder);
    FILE *in = fopen(from, "rb");
    if (!in)
        return error_set(err, ERROR_FAILED, "the browser made no PDF");
    int status = output_open(&o, path, err);
    if (status < 0) {
        fclose(in);
        return status;
    }
    while ((got = fread(piece, 1, sizeof(piece), in)) > 0) {
        if (all == 0 && (got < 5 || memcmp(piece, "%PDF-", 5) != 0))
            break;
        all += fwrite(piece, 1, got, o.file);
    }
    fclose(in);
    if (all == 0) {
        output_abort(&o);
        return error_set(err, ERROR_FAILED, "what the browser made is no PDF");
    }
    return output_commit(&o, err);
}

int report_write_pdf(const json_t *model, const char *language, const char *path, struct error *err)
{
    char browser[PATH_ROOM], folder[PATH_ROOM / 2], page[PATH_ROOM];
    const char *place = getenv("TMPDIR");
    int status = find_browser(browser, err);
    if (status < 0)
        return status;
    snprintf(folder, sizeof(folder), "%s/telltale-pdf-XXXXXX", place && place[0] ? place : "/tmp");
    if (!mkdtemp(folder))
        return error_errno(err, "make %s", folder);
    snprintf(page, sizeof(page), "%s/report.html", folder);
    pid_t child;
    status = report_write_page(model, language, page, err);
    if (status == 0)
        status = start(browser, folder, &child, err);
    if (status == 0)
        status = wait_for(child, err);
    if (status == 0)
        status = take(folder, path, err);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}
