// SPDX-License-Identifier: Apache-2.0
// Sections that are tables by nature, drawn from whatever the model holds of them: columns that are
// known stand first and by their names, those of a later edition after them.

import type { ComponentChildren } from 'preact';
import type { Context } from '../context';
import * as format from '../format';
import { known, t, textOf } from '../lang';
import { isUnsupported, type Estimate, type Evidence, type Model, type Test } from '../model';
import { CommandButton, Interval, Plain, Section, Share, Table } from '../parts';
import { visible } from '../text';
import { longDate, longRange, utcTime } from '../zone';
import { countryName } from '../atlas';
import { OTHERS } from './contents';

type Row = Record<string, unknown>;

const isObject = (v: unknown): v is Row => typeof v === 'object' && v !== null && !Array.isArray(v);
const isEstimate = (v: unknown): v is Estimate & Row =>
  isObject(v) && 'low' in v && 'high' in v && 'value' in v;
const isEvidence = (v: unknown): v is Evidence & Row => isObject(v) && 'filter' in v && 'from' in v;
const isTest = (v: unknown): v is Test & Row => isObject(v) && 'p' in v && 'method' in v;

const NAMES: Record<string, string> = {
  local: t('Local address', '内部アドレス'),
  remote: t('Remote address', '外部アドレス'),
  relay: t('Relay', '中継'),
  platform: t('Platform', '種類'),
  name: t('Name', '名称'),
  label: t('Label', 'ラベル'),
  prefix: t('Prefix', 'プレフィックス'),
  service: t('Service', 'サービス'),
  organisation: t('Organisation', '組織'),
  kind: t('Kind', '種別'),
  kinds: t('Kinds of owners', '所有者の種別'),
  country: t('Country', '国'),
  direction: t('Direction', '方向'),
  outward: t('Out of the population', '対象集団から外部へ'),
  inward: t('Into the population', '外部から対象集団へ'),
  scanners: t('Scanners', 'スキャナ'),
  scattered: t('Scattered attempts', '散発的な試み'),
  with_failures: t('With failures', '失敗のあるもの'),
  over_the_papers_threshold: t('Over the paper’s threshold', '論文の閾値を超えるもの'),
  score_needed: t('Score needed', '必要な評点'),
  least_targets: t('Fewest targets that show', '検出に要する最少の標的数'),
  sensitive: t('Sensitive organisations', '機微な組織'),
  sensitive_all: t('Contacts by kind of owner', '所有者の種別ごとの通信'),
  owner_known: t('Owner known', '所有者が分かる通信'),
  owner_known_share: t('Share with a known owner', '所有者が分かる割合'),
  flows: t('Conversations', '通信件数'),
  octets: t('Octets', 'オクテット数'),
  packets: t('Packets', 'パケット数'),
  share: t('Share', '割合'),
  targets: t('Targets', '標的'),
  answered: t('Answered', '応答あり'),
  ports_tried: t('Ports', 'ポート数'),
  ports: t('Most tried', '主なポート'),
  ports_of_one_target: t('Ports of one target', '一標的のポート数'),
  shape: t('Shape', '形'),
  slow: t('Slow', '低速'),
  score: t('Score', '評点'),
  steady: t('Even part', '等間隔の割合'),
  regular: t('Regular', '規則的'),
  test: t('Test', '検定'),
  days: t('Days', '日数'),
  days_seen: t('Days', '日数'),
  days_span: t('Span in days', '期間（日）'),
  longest_run: t('In a row', '連続'),
  period_s: t('Every', '間隔'),
  addresses: t('Addresses', 'アドレス数'),
  local_hosts: t('Local hosts', '内部ホスト'),
  hosts_seen: t('Hosts that showed it', '示したホスト'),
  hosts_own_words: t('By their own words', '自ら名乗ったもの'),
  basis: t('Evidence by', '根拠'),
  evidence: t('Command', 'コマンド'),
  faults: t('Faults', '不備'),
  fault: t('Fault', '不備'),
  seen: t('Handshakes seen', '観測したハンドシェイク'),
  servers: t('Servers', 'サーバ'),
  of: t('Of', '母数'),
  services: t('Services', 'サービス'),
  categories: t('Categories', '分類'),
  devices: t('Devices', '機器'),
  when: t('From, to', '期間'),
  horizontal: t('many addresses', '多数のアドレス'),
  vertical: t('many ports', '多数のポート'),
  both: t('both', '両方'),
  user_agent: t('User-Agent', 'User-Agent'),
  consumed: t('consumed', '利用'),
  octets_sent: t('Octets sent', '送信オクテット数'),
  remotes: t('Remote addresses', '外部アドレス数'),
  protocol: t('Protocol', 'プロトコル'),
  port: t('Port', 'ポート'),
  rows_in_all: t('Rows in all', '全行数'),
  role: t('Role', '役割'),
  time: t('Time', '時刻'),
  to: t('To', '終了'),
  from: t('From', '開始'),
  reason: t('Reason', '理由'),
  subject: t('Subject', '対象'),
};

/** Columns in a reader's order; `when` is first and last together. */
const ORDER =
  'direction platform name organisation local remote relay service fault label prefix kind country ' +
  'flows octets local_hosts targets answered ports_tried ports shape slow when days days_seen ' +
  'longest_run period_s score steady regular test hosts_seen hosts_own_words basis share servers of';
const LAST = 'evidence';
const HIDDEN = new Set([
  'first',
  'last',
  'method',
  'text',
  'asn',
  'own',
  'hourly',
  'daily',
  'days_span',
]);

function title(key: string): string {
  if (NAMES[key]) return NAMES[key];
  const words = key.replaceAll('_', ' ');
  if (/^(tls|dns|vpn|id|asn)$/.test(words)) return words.toUpperCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** 90 s, 25 min, 3.2 h, 4.1 d */
function duration(s: number): string {
  const [n, unit] =
    s < 120
      ? [s, t('s', '秒')]
      : s < 7200
        ? [s / 60, t('min', '分')]
        : s < 172_800
          ? [s / 3600, t('h', '時間')]
          : [s / 86_400, t('d', '日')];
  return `${format.count(Math.round(n * 10) / 10)} ${unit}`;
}

/** An object in a cell: its values, named where their names say more than they do. */
function inWords(of: Row): string {
  return Object.entries(of)
    .map(([k, v]) => {
      if (isTest(v)) return `p ${format.probability(v.q ?? v.p)}`;
      if (k === 'kind' || k === 'id' || k === 'name') return known(String(v));
      if (typeof v === 'boolean') return v ? title(k) : t(`not ${k}`, `${title(k)}でない`);
      if (typeof v === 'number') return `${title(k)} ${format.count(v)}`;
      return `${title(k)} ${isObject(v) ? inWords(v) : String(v)}`;
    })
    .join(', ');
}

function Numeric({ name, of }: { name: string; of: number }) {
  const words =
    name === 'period_s'
      ? duration(of)
      : name.endsWith('_share') || name === 'steady'
        ? format.percent(of)
        : name === 'score'
          ? format.times(of)
          : format.count(of);
  return (
    <span data-value={of} title={format.exact(of)}>
      {words}
    </span>
  );
}

function Value({ name, of }: { name: string; of: unknown }): ComponentChildren {
  if (of === null || of === undefined) return <span class="muted">–</span>;
  if (isEvidence(of)) return <CommandButton evidence={of} />;
  if (isEstimate(of))
    return name.includes('share') ? (
      <Share of={of} />
    ) : (
      <Interval of={of} as={(e) => format.estimate(e)} />
    );
  if (typeof of === 'number') return <Numeric name={name} of={of} />;
  if (typeof of === 'boolean')
    return <span class="nowrap">{of ? t('yes', 'はい') : t('no', 'いいえ')}</span>;
  if (isTest(of))
    return (
      <span class="nowrap" title={visible(known(of.method))}>
        p {format.probability(of.q ?? of.p)}
      </span>
    );
  if (Array.isArray(of))
    return <Plain text={of.map((v) => (isObject(v) ? inWords(v) : String(v))).join(', ')} />;
  if (isObject(of)) return <Plain text={inWords(of)} />;
  const text = String(of);
  if (name === 'country' && /^[A-Z]{2}$/.test(text)) return countryName(text);
  if (name === 'direction' || name === 'shape') return title(text);
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return <span class="nowrap">{longDate(text)}</span>;
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return <span class="nowrap">{utcTime(text)}</span>;
  return <Plain text={of} />;
}

const SHOWN = 15;

function keysOf(rows: Row[]): string[] {
  const all = [...new Set(rows.flatMap((r) => Object.keys(r)))].filter((k) => !HIDDEN.has(k));
  if (rows.some((r) => r['first'] && r['last'])) all.push('when');
  const order = ORDER.split(' ');
  const place = (k: string) => (k === LAST ? 1000 : order.includes(k) ? order.indexOf(k) : 500);
  return all
    .filter((k) => rows.some((r) => k === 'when' || r[k] != null))
    .filter((k) => k !== 'direction' || new Set(rows.map((r) => r[k])).size > 1)
    .sort((a, b) => place(a) - place(b));
}

const classOf = (key: string) =>
  key === LAST
    ? 'screen'
    : /local$|remote|relay|prefix/.test(key)
      ? 'address'
      : key === 'ports' || key === 'when'
        ? 'wide'
        : '';

/** The rows inside a row: too much for a cell. */
const nested = (row: Row): [string, Row[]] | null => {
  const found = Object.entries(row).find(
    ([, v]) => Array.isArray(v) && v.length > 0 && isObject(v[0]) && Object.keys(v[0]).length > 4,
  );
  return found ? [found[0], (found[1] as unknown[]).filter(isObject)] : null;
};

/** Rows that have rows of their own, one to open after the other. */
function Nested({ name, rows }: { name: string; rows: Row[] }) {
  return (
    <>
      {rows.map((row, i) => {
        const [key, inner] = nested(row) ?? ['', []];
        const { [key]: _, label, subject, text: __, ...plain } = row;
        const about = [
          typeof label === 'string' ? label : '',
          isObject(subject) ? inWords(subject) : String(subject ?? ''),
        ];
        return (
          <details class="behind" open={i === 0}>
            <summary>
              <Plain text={about.filter((s) => s).join(': ') || title(name)} longest={120} />
            </summary>
            <Parts of={plain} />
            {inner.length > 0 && <Rows name={`${name}-${i}`} rows={inner} />}
          </details>
        );
      })}
    </>
  );
}

const day = (v: unknown) => String(v ?? '').slice(0, 10);

function Rows({ name, rows }: { name: string; rows: Row[] }) {
  return (
    <Table
      label={title(name)}
      id={`${name}-table`}
      rows={rows}
      limit={SHOWN}
      cards
      columns={keysOf(rows).map((key) => ({
        head: title(key),
        class: classOf(key),
        number:
          key !== 'when' &&
          rows.every((r) => r[key] == null || typeof r[key] === 'number' || isEstimate(r[key])),
        cell: (row: Row) =>
          key === 'when' ? (
            longRange(day(row['first']), day(row['last']))
          ) : (
            <Value name={key} of={row[key]} />
          ),
      }))}
    />
  );
}

const isPlain = (v: unknown) =>
  !Array.isArray(v) && !isUnsupported(v) && (!isObject(v) || isEstimate(v) || isEvidence(v));

/** An object: its plain values side by side, its parts below each other. */
function Parts({ of }: { of: Row }) {
  const entries = Object.entries(of).filter(([key]) => key !== 'text');
  const plain = entries.filter(([, v]) => isPlain(v));
  return (
    <>
      {plain.length > 0 && (
        <dl class="values">
          {plain.map(([key, v]) => (
            <div>
              <dt>{title(key)}</dt>
              <dd>
                <Value name={key} of={v} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {entries
        .filter(([, v]) => !isPlain(v))
        .sort(([, a], [, b]) => Number(Array.isArray(a)) - Number(Array.isArray(b)))
        .map(([key, v]) => (
          <div class="part">
            <h3>{title(key)}</h3>
            <Anything name={key} of={v} />
          </div>
        ))}
    </>
  );
}

export function Anything({ name, of }: { name: string; of: unknown }): ComponentChildren {
  if (isUnsupported(of))
    return (
      <p class="quiet">
        <Plain text={textOf(of, 'unsupported')} longest={2000} />
      </p>
    );
  if (Array.isArray(of)) {
    if (!of.length) return <p class="quiet">{t('None found.', '見つからなかった。')}</p>;
    const rows = of.filter(isObject);
    if (rows.some((row) => nested(row))) return <Nested name={name} rows={rows} />;
    return isObject(of[0]) ? (
      <Rows name={name} rows={rows} />
    ) : (
      <p>
        <Plain text={of.join(', ')} longest={2000} />
      </p>
    );
  }
  if (isObject(of) && !isPlain(of)) return <Parts of={of} />;
  return (
    <p>
      <Value name={name} of={of} />
    </p>
  );
}

/** Drawn by pivots.tsx and timelines.tsx. */
const OWN = new Set<keyof Model>(['pivots', 'timelines']);

export function Others({ x }: { x: Context }) {
  const there = OTHERS.filter(
    ([key]) => !OWN.has(key) && x.model[key] != null && !isUnsupported(x.model[key]),
  );
  return (
    <>
      {there.map(([key, name]) => (
        <Section id={key} title={name}>
          <Anything name={key} of={x.model[key]} />
        </Section>
      ))}
    </>
  );
}

const SECTIONS: [keyof Model, string][] = [
  ['fidelity', t('Data quality', 'データ品質')],
  ['totals', t('Totals', '合計')],
  ['activity', t('Activity', '活動')],
  ['services', t('Services', 'サービス')],
  ['categories', t('Categories', '分類')],
  ['rhythm', t('Rhythm', '生活リズム')],
  ['presence', t('Presence', '所在')],
  ['events', t('Events', '出来事')],
  ['concealment', t('Concealment', '秘匿')],
  ['onsets', t('Onsets and changes', '開始と変化')],
  ...OTHERS.filter(([key]) => key !== 'compare'),
  ['findings', t('Findings', '所見')],
];

export function Coverage({ x }: { x: Context }) {
  const missing = SECTIONS.flatMap(([key, name]) => {
    const section = x.model[key];
    if (isUnsupported(section)) return [{ name, why: String(textOf(section, 'unsupported')) }];
    return section == null && key !== 'timelines'
      ? [
          {
            name,
            why: t(
              'This report was made without this section.',
              'この報告書はこの節なしで作成された。',
            ),
          },
        ]
      : [];
  });
  return (
    <Section id="coverage" title={t('What this report does not cover', 'この報告書が扱わない事項')}>
      {missing.length > 0 && (
        <dl class="missing">
          {missing.map((m) => (
            <div>
              <dt>{m.name}</dt>
              <dd>
                <Plain text={m.why} longest={2000} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      <p class="lede">
        {t(
          'Flow telemetry cannot show what was said or read, who sat at a machine, or what happened where no exporter was looking. An address is not a person.',
          'フローテレメトリからは、何が語られ読まれたか、誰が機器の前にいたか、エクスポータの見ていない所で何が起きたかは分からない。アドレスは人ではない。',
        )}
      </p>
    </Section>
  );
}
