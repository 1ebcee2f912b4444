/* SPDX-License-Identifier: Apache-2.0 */
/* Tells systemd how the service does: sd_notify(3)'s datagram on NOTIFY_SOCKET. Nothing happens
 * outside systemd. */
#ifndef TELLTALE_SERVER_NOTIFY_H
#define TELLTALE_SERVER_NOTIFY_H

void notify(const char *state); /* "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"... */

#endif
