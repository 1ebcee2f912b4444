// SPDX-License-Identifier: Apache-2.0
// What hides where it goes: how much, by which means, and what cannot be told from ordinary use.

import type { Context } from '../context';
import * as format from '../format';
import {
  given,
  isUnsupported,
  type Concealment,
  type NotCounted,
  type Section as Part,
  type Subscription,
  type Technique,
  type TorPair,
  type TorThenTorrents,
} from '../model';
import { Bar, Count, evidenceColumn, Lede, Plain, Quiet, Section, Share, Table } from '../parts';
import { visible } from '../text';
import { longRange } from '../zone';

const NAMES: Record<string, string> = {
  tor: 'Tor',
  'other-network': 'Network like Tor',
  'vpn-protocol': 'VPN protocol',
  'vpn-provider': 'VPN provider',
  proxy: 'Proxy',
  tls: 'TLS',
  'ssh-tunnel': 'SSH',
  'hosting-relay': 'Rented servers of no known service',
  'website-visit': 'Web sites of such products',
};
const nameOf = (technique: string) => NAMES[technique] ?? visible(technique, 60);
const SHOWN = 20;

function networks(t: Technique): string {
  const named = (t.networks ?? []).map((n) => n.name).join(', ');
  const more = (t.networks_in_all ?? 0) - (t.networks?.length ?? 0);
  return more > 0 ? `${named} and ${format.count(more)} more` : named;
}

/** Which part of the conversations says so by more than a port. */
function byPort(t: Technique) {
  const port = t.basis?.['port'];
  return port === undefined || !t.flows ? '–' : format.percent(port / t.flows);
}

function Techniques({ rows, unit }: { rows: Technique[]; unit: string }) {
  const max = Math.max(...rows.map((r) => r.share.high ?? r.share.value));
  return (
    <>
      <Table
        label="Techniques"
        id="concealment-table"
        rows={rows}
        limit={SHOWN}
        columns={[
          { head: 'Means', class: 'name', cell: (r) => nameOf(r.technique) },
          { head: 'Which', cell: (r) => <Plain text={r.provider} longest={60} /> },
          {
            head: `Of ${unit}`,
            number: true,
            cell: (r) => (
              <>
                <Share of={r.share} />
                <Bar of={r.share} max={max} />
              </>
            ),
          },
          { head: 'Of octets', number: true, cell: (r) => <Share of={r.octets_share} /> },
          { head: 'Conversations', number: true, cell: (r) => <Count n={r.flows} /> },
          { head: 'Hosts', number: true, cell: (r) => <Count n={r.local_hosts} /> },
          { head: 'Days', number: true, cell: (r) => <Count n={r.days} /> },
          {
            head: 'By port alone',
            number: true,
            hint: 'Conversations whose only mark is the port',
            cell: byPort,
          },
          { head: 'Networks', cell: (r) => <Plain text={networks(r)} longest={300} /> },
          evidenceColumn<Technique>(),
        ]}
      />
      <p class="note">Lines on the bars are 95% intervals.</p>
    </>
  );
}

function NotCountedTable({ of, unit }: { of: Concealment; unit: string }) {
  const rows = of.not_counted ?? [];
  if (!rows.length) return null;
  return (
    <div class="part">
      <h3>Not counted</h3>
      <Table
        label="Not counted"
        id="not-counted-table"
        rows={rows}
        columns={[
          { head: 'Means', class: 'name', cell: (r) => nameOf(r.technique) },
          { head: `Of ${unit}`, number: true, cell: (r) => <Share of={r.share} /> },
          { head: 'Conversations', number: true, cell: (r) => <Count n={r.flows} /> },
          { head: 'Hosts', number: true, cell: (r) => <Count n={r.local_hosts} /> },
          { head: 'Why', cell: (r) => <Plain text={r.why} longest={300} /> },
          evidenceColumn<NotCounted>(),
        ]}
      />
      {of.at_most && (
        <p class="note">
          Were all that might hide as much counted too, it would be <Share of={of.at_most} />: a
          bound, not an estimate.
        </p>
      )}
    </div>
  );
}

function Tor({ of }: { of: Concealment }) {
  const rows = of.tor ?? [];
  if (!rows.length) return null;
  return (
    <div class="part">
      <h3>Tor by host and relay</h3>
      <Table
        label="Tor by host and relay"
        id="tor-table"
        rows={rows}
        limit={SHOWN}
        columns={[
          { head: 'Host', class: 'name', cell: (r) => <Plain text={r.local} longest={60} /> },
          { head: 'Relay', cell: (r) => <Plain text={r.relay} longest={60} /> },
          { head: 'Role', cell: (r) => <Plain text={r.role} longest={80} /> },
          { head: 'Days', number: true, cell: (r) => <Count n={r.days_seen} /> },
          { head: 'In a row', number: true, cell: (r) => <Count n={r.longest_run} /> },
          { head: 'From, to', cell: (r) => longRange(r.first, r.last) },
          {
            head: 'As Tor’s rules want',
            cell: (r) => (
              <span title={visible(r.guard_policy.test.method)}>
                {r.guard_policy.normal ? 'yes' : 'no'}, p{' '}
                {format.probability(r.guard_policy.test.p)}
              </span>
            ),
          },
          evidenceColumn<TorPair>(),
        ]}
      />
      {(of.tor_pairs ?? 0) > rows.length && (
        <p class="note">
          The {format.count(rows.length)} on most days, of {format.count(of.tor_pairs)}.
        </p>
      )}
      <p class="note">
        A Tor client keeps its entry relay for two to four months by design: the same relay every
        day is no mistake of its user.
      </p>
    </div>
  );
}

function Followers({ rows }: { rows: TorThenTorrents[] }) {
  if (!rows.length) return null;
  return (
    <div class="part">
      <h3>Tor, then torrents</h3>
      <Table
        label="Tor, then torrents"
        rows={rows}
        limit={SHOWN}
        columns={[
          { head: 'Host', class: 'name', cell: (r) => <Plain text={r.local} longest={60} /> },
          { head: 'Days with Tor', number: true, cell: (r) => <Count n={r.tor_days} /> },
          { head: 'Days with torrents', number: true, cell: (r) => <Count n={r.torrent_days} /> },
          { head: 'Within the hour', number: true, cell: (r) => <Count n={r.followed_days} /> },
          {
            head: 'q',
            number: true,
            cell: (r) => (
              <span title={visible(r.test.method)}>{format.probability(r.test.q ?? r.test.p)}</span>
            ),
          },
          evidenceColumn<TorThenTorrents>(),
        ]}
      />
    </div>
  );
}

function Subscriptions({ of }: { of: Part<Subscription[]> }) {
  const rows = given(of);
  if (!rows?.length) return null;
  return (
    <div class="part">
      <h3>One host, one provider, month after month</h3>
      <Table
        label="Subscriptions"
        id="subscriptions-table"
        rows={rows}
        limit={SHOWN}
        columns={[
          { head: 'Host', class: 'name', cell: (r) => <Plain text={r.local} longest={60} /> },
          { head: 'Which', cell: (r) => <Plain text={r.provider} longest={60} /> },
          { head: 'Network', cell: (r) => <Plain text={r.network} longest={80} /> },
          { head: 'Months', number: true, cell: (r) => <Count n={r.months} /> },
          { head: 'Days', number: true, cell: (r) => <Count n={r.days_seen} /> },
          { head: 'From, to', cell: (r) => longRange(r.first, r.last) },
          { head: 'Conversations', number: true, cell: (r) => <Count n={r.flows} /> },
          evidenceColumn<Subscription>(),
        ]}
      />
    </div>
  );
}

/** What this data cannot show, part by part. */
function Unknown({ of }: { of: Concealment }) {
  const parts = [of.tls, of.chains, of.subscriptions].filter(isUnsupported);
  return (
    <>
      {parts.map((why) => (
        <Quiet why={why} />
      ))}
    </>
  );
}

export function ConcealmentSection({ x }: { x: Context }) {
  const of = given(x.model.concealment);
  if (!of) return null;
  const rows = of.techniques ?? [];
  return (
    <Section id="concealment" title="Concealment">
      <Lede>
        {rows.length ? 'Means that hide where traffic goes carry ' : 'None was seen: '}
        <Share of={of.share} /> of {x.unit}
        {rows.length && of.octets_share ? (
          <>
            {' and '}
            <Share of={of.octets_share} /> of octets
          </>
        ) : null}
        . <Plain text={of.definition_is ?? `Definition ${of.definition}.`} longest={600} />
      </Lede>
      {rows.length > 0 && <Techniques rows={rows} unit={x.unit} />}
      <NotCountedTable of={of} unit={x.unit} />
      <Tor of={of} />
      <Subscriptions of={of.subscriptions} />
      <Followers rows={of.tor_then_torrents ?? []} />
      <Unknown of={of} />
    </Section>
  );
}
