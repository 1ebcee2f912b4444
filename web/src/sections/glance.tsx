// SPDX-License-Identifier: Apache-2.0
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Role, type Totals } from '../model';
import { Count, Lede, Quiet, Section, Share, CommandButton, Table } from '../parts';

const ROLES: [Role, string, string][] = [
  ['consumed', 'Consumed', 'The population opened the conversation'],
  ['peer', 'Peer', 'Both sides are alike, as in file sharing'],
  ['served', 'Served', 'Others opened it towards a server of the population, which answered'],
  ['unanswered', 'Unanswered', 'Scans and the like that found no answer'],
];

function Tile(props: { name: string; n: number; words?: typeof format.count; note?: string }) {
  return (
    <div class="tile">
      <dt>{props.name}</dt>
      <dd>
        <Count n={props.n} words={props.words} />
        {props.note && <small>{props.note}</small>}
      </dd>
    </div>
  );
}

function RoleBar({ of }: { of: Totals }) {
  const sum = ROLES.reduce((n, [role]) => n + (of.by_role?.[role] ?? 0), 0);
  if (!sum) return null;
  let at = 0;
  return (
    <svg class="rolebar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      {ROLES.map(([role]) => {
        const wide = ((of.by_role?.[role] ?? 0) / sum) * 100;
        const from = at;
        at += wide;
        return <rect class={`role-${role}`} x={from} y="0" width={wide} height="4" />;
      })}
    </svg>
  );
}

function Roles({ of }: { of: Totals }) {
  const sum = ROLES.reduce((n, [role]) => n + (of.by_role?.[role] ?? 0), 0);
  return (
    <div class="roles">
      <h3>By role of the population</h3>
      <RoleBar of={of} />
      <Table
        label="Conversations by role"
        id="roles-table"
        rows={ROLES.map(([role, name, means]) => ({
          role,
          name,
          means,
          flows: of.by_role?.[role] ?? 0,
          more: of.roles?.[role],
        }))}
        columns={[
          {
            head: 'Role',
            class: 'role',
            cell: (r) => (
              <>
                <i class={`swatch role-${r.role}`} aria-hidden="true" /> {r.name}
                <small class="under">{r.means}</small>
              </>
            ),
          },
          { head: 'Conversations', number: true, cell: (r) => <Count n={r.flows} /> },
          {
            head: 'Share',
            number: true,
            cell: (r) => (sum ? format.percent(r.flows / sum) : '–'),
          },
          {
            head: 'Octets',
            number: true,
            cell: (r) => <Count n={r.more?.octets} words={format.octets} />,
          },
          { head: 'Local hosts', number: true, cell: (r) => <Count n={r.more?.local_hosts} /> },
          { head: 'Remote hosts', number: true, cell: (r) => <Count n={r.more?.remote_hosts} /> },
        ]}
      />
    </div>
  );
}

export function Glance({ x }: { x: Context }) {
  const totals = given(x.model.totals);
  if (!totals)
    return isUnsupported(x.model.totals) ? (
      <Section id="totals" title="At a glance">
        <Quiet why={x.model.totals} />
      </Section>
    ) : null;
  const none = totals.unattributed;
  return (
    <Section id="totals" title="At a glance">
      <dl class="tiles">
        <Tile name="Conversations" n={totals.flows} note="in all roles" />
        <Tile name="Octets" n={totals.octets} words={format.octets} note="both directions" />
        <Tile name="Packets" n={totals.packets} />
        <Tile name="Local hosts" n={totals.local_hosts} note="addresses in use" />
        <Tile name="Remote hosts" n={totals.remote_hosts} note="they spoke with" />
      </dl>
      <Roles of={totals} />
      {totals.usage && (
        <Lede>
          The sections below describe use: the <Count n={totals.usage.flows} /> conversations that
          the population opened or shared as a peer.
          {none && (
            <>
              {' '}
              Of these, <Share of={none.share} /> belong to no service known to this report.{' '}
              <CommandButton evidence={none.evidence} words="copy command" />
            </>
          )}
        </Lede>
      )}
    </Section>
  );
}
