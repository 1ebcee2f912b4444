// SPDX-License-Identifier: Apache-2.0
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Role, type Totals } from '../model';
import { Count, Lede, Quiet, Say, Section, Share, CommandButton, Table } from '../parts';
import { t } from '../lang';

const ROLES: [Role, string, string][] = [
  [
    'consumed',
    t('Consumed', '利用'),
    t('The population opened the conversation', '対象集団が通信を開始した'),
  ],
  [
    'peer',
    t('Peer', 'ピア'),
    t('Both sides are alike, as in file sharing', 'ファイル共有のように両者が対等'),
  ],
  [
    'served',
    t('Served', '提供'),
    t(
      'Others opened it towards a server of the population, which answered',
      '外部が対象集団のサーバに対して開始し、応答があった',
    ),
  ],
  [
    'unanswered',
    t('Unanswered', '無応答'),
    t('Scans and the like that found no answer', '応答のなかったスキャンなど'),
  ],
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
      <h3>{t('By role of the population', '対象集団の役割別')}</h3>
      <RoleBar of={of} />
      <Table
        label={t('Conversations by role', '役割別の通信件数')}
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
            head: t('Role', '役割'),
            class: 'role',
            cell: (r) => (
              <>
                <i class={`swatch role-${r.role}`} aria-hidden="true" /> {r.name}
                <small class="under">{r.means}</small>
              </>
            ),
          },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (r) => <Count n={r.flows} />,
          },
          {
            head: t('Share', '割合'),
            number: true,
            cell: (r) => (sum ? format.percent(r.flows / sum) : '–'),
          },
          {
            head: t('Octets', 'オクテット数'),
            number: true,
            cell: (r) => <Count n={r.more?.octets} words={format.octets} />,
          },
          {
            head: t('Local hosts', '内部ホスト'),
            number: true,
            cell: (r) => <Count n={r.more?.local_hosts} />,
          },
          {
            head: t('Remote hosts', '外部ホスト'),
            number: true,
            cell: (r) => <Count n={r.more?.remote_hosts} />,
          },
        ]}
      />
    </div>
  );
}

export function Glance({ x }: { x: Context }) {
  const totals = given(x.model.totals);
  if (!totals)
    return isUnsupported(x.model.totals) ? (
      <Section id="totals" title={t('At a glance', '概要')}>
        <Quiet why={x.model.totals} />
      </Section>
    ) : null;
  const none = totals.unattributed;
  return (
    <Section id="totals" title={t('At a glance', '概要')}>
      <dl class="tiles">
        <Tile
          name={t('Conversations', '通信件数')}
          n={totals.flows}
          note={t('in all roles', '全役割')}
        />
        <Tile
          name={t('Octets', 'オクテット数')}
          n={totals.octets}
          words={format.octets}
          note={t('both directions', '両方向')}
        />
        <Tile name={t('Packets', 'パケット数')} n={totals.packets} />
        <Tile
          name={t('Local hosts', '内部ホスト')}
          n={totals.local_hosts}
          note={t('addresses in use', '使用中のアドレス')}
        />
        <Tile
          name={t('Remote hosts', '外部ホスト')}
          n={totals.remote_hosts}
          note={t('they spoke with', '通信の相手')}
        />
      </dl>
      <Roles of={totals} />
      {totals.usage && (
        <Lede>
          <Say
            en="The sections below describe use: the {n} conversations that the population opened or shared as a peer."
            ja="以下の節は利用、すなわち対象集団が自ら開始した、またはピアとして加わった{n}件の通信を対象とする。"
            n={<Count n={totals.usage.flows} />}
          />
          {none && (
            <>
              {' '}
              <Say
                en="Of these, {share} belong to no service known to this report. "
                ja="このうち{share}は、この報告書の知るサービスに属さない。"
                share={<Share of={none.share} />}
              />
              <CommandButton
                evidence={none.evidence}
                words={t('copy command', 'コマンドをコピー')}
              />
            </>
          )}
        </Lede>
      )}
    </Section>
  );
}
