// SPDX-License-Identifier: Apache-2.0
// What hides where it goes: how much, by which means, and what cannot be told from ordinary use.

import type { Context } from '../context';
import * as format from '../format';
import {
  given,
  isUnsupported,
  type Chain,
  type Concealment,
  type NotCounted,
  type Section as Part,
  type Subscription,
  type Technique,
  type TorPair,
  type TorThenTorrents,
} from '../model';
import {
  Bar,
  Count,
  evidenceColumn,
  Lede,
  Plain,
  Quiet,
  Say,
  Section,
  Share,
  Table,
} from '../parts';
import { visible } from '../text';
import { longRange } from '../zone';
import { Anything } from './others';
import { known, t } from '../lang';

const NAMES: Record<string, string> = {
  tor: 'Tor',
  'other-network': t('Network like Tor', 'Torに似たネットワーク'),
  'vpn-protocol': t('VPN protocol', 'VPNプロトコル'),
  'vpn-provider': t('VPN provider', 'VPN事業者'),
  proxy: t('Proxy', 'プロキシ'),
  obfuscated: t('Disguised proxy', '偽装プロキシ'),
  tls: 'TLS',
  'ssh-tunnel': 'SSH',
  'hosting-relay': t('Rented servers of no known service', '既知のサービスのないレンタルサーバ'),
  'website-visit': t('Web sites of such products', 'そうした製品のウェブサイト'),
};
const nameOf = (technique: string) => NAMES[technique] ?? visible(technique, 60);
const SHOWN = 20;

function networks(of: Technique): string {
  const named = (of.networks ?? []).map((n) => n.name).join(', ');
  const more = (of.networks_in_all ?? 0) - (of.networks?.length ?? 0);
  return more > 0
    ? t(`${named} and ${format.count(more)} more`, `${named}、ほか${format.count(more)}件`)
    : named;
}

/** Which part of the conversations says so by more than a port. */
function byPort(of: Technique) {
  const port = of.basis?.['port'];
  return port === undefined || !of.flows ? '–' : format.percent(port / of.flows);
}

function Techniques({ rows, unit }: { rows: Technique[]; unit: string }) {
  const max = Math.max(...rows.map((r) => r.share.high ?? r.share.value));
  return (
    <>
      <Table
        label={t('Techniques', '手段')}
        id="concealment-table"
        rows={rows}
        limit={SHOWN}
        columns={[
          { head: t('Means', '手段'), class: 'name', cell: (r) => nameOf(r.technique) },
          { head: t('Which', '種類'), cell: (r) => <Plain text={r.provider} longest={60} /> },
          {
            head: t(`Of ${unit}`, `${unit}比`),
            number: true,
            cell: (r) => (
              <>
                <Share of={r.share} />
                <Bar of={r.share} max={max} />
              </>
            ),
          },
          {
            head: t('Of octets', 'オクテット比'),
            number: true,
            cell: (r) => <Share of={r.octets_share} />,
          },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (r) => <Count n={r.flows} />,
          },
          { head: t('Hosts', 'ホスト'), number: true, cell: (r) => <Count n={r.local_hosts} /> },
          { head: t('Days', '日数'), number: true, cell: (r) => <Count n={r.days} /> },
          {
            head: t('By port alone', 'ポートのみ'),
            number: true,
            hint: t('Conversations whose only mark is the port', 'ポート番号だけが手掛かりの通信'),
            cell: byPort,
          },
          {
            head: t('Networks', 'ネットワーク'),
            cell: (r) => <Plain text={networks(r)} longest={300} />,
          },
          evidenceColumn<Technique>(),
        ]}
      />
      <p class="note">
        {t('Lines on the bars are 95% intervals.', '棒の上の線は95%信頼区間である。')}
      </p>
    </>
  );
}

function NotCountedTable({ of, unit }: { of: Concealment; unit: string }) {
  const rows = of.not_counted ?? [];
  if (!rows.length) return null;
  return (
    <div class="part">
      <h3>{t('Not counted', '数えなかったもの')}</h3>
      <Table
        label={t('Not counted', '数えなかったもの')}
        id="not-counted-table"
        rows={rows}
        columns={[
          { head: t('Means', '手段'), class: 'name', cell: (r) => nameOf(r.technique) },
          { head: t(`Of ${unit}`, `${unit}比`), number: true, cell: (r) => <Share of={r.share} /> },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (r) => <Count n={r.flows} />,
          },
          { head: t('Hosts', 'ホスト'), number: true, cell: (r) => <Count n={r.local_hosts} /> },
          { head: t('Why', '理由'), cell: (r) => <Plain text={r.why} longest={300} /> },
          evidenceColumn<NotCounted>(),
        ]}
      />
      {of.at_most && (
        <p class="note">
          <Say
            en="Were all that might hide as much counted too, it would be {share}: a bound, not an estimate."
            ja="同様に隠しうるものもすべて数えると{share}になる。これは上限であり、推定値ではない。"
            share={<Share of={of.at_most} />}
          />
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
      <h3>{t('Tor by host and relay', 'ホストと中継ごとのTor')}</h3>
      <Table
        label={t('Tor by host and relay', 'ホストと中継ごとのTor')}
        id="tor-table"
        rows={rows}
        limit={SHOWN}
        columns={[
          {
            head: t('Host', 'ホスト'),
            class: 'name',
            cell: (r) => <Plain text={r.local} longest={60} />,
          },
          { head: t('Relay', '中継'), cell: (r) => <Plain text={r.relay} longest={60} /> },
          { head: t('Role', '役割'), cell: (r) => <Plain text={r.role} longest={80} /> },
          { head: t('Days', '日数'), number: true, cell: (r) => <Count n={r.days_seen} /> },
          { head: t('In a row', '連続'), number: true, cell: (r) => <Count n={r.longest_run} /> },
          { head: t('From, to', '期間'), cell: (r) => longRange(r.first, r.last) },
          {
            head: t('As Tor’s rules want', 'Torの規則どおり'),
            cell: (r) => (
              <span title={visible(known(r.guard_policy.test.method))}>
                {r.guard_policy.normal ? t('yes', 'はい') : t('no', 'いいえ')}, p{' '}
                {format.probability(r.guard_policy.test.p)}
              </span>
            ),
          },
          evidenceColumn<TorPair>(),
        ]}
      />
      {(of.tor_pairs ?? 0) > rows.length && (
        <p class="note">
          {t(
            `The ${format.count(rows.length)} on most days, of ${format.count(of.tor_pairs)}.`,
            `${format.count(of.tor_pairs)}組のうち、日数の多い${format.count(rows.length)}組。`,
          )}
        </p>
      )}
      <p class="note">
        {t(
          'A Tor client keeps its entry relay for two to four months by design: the same relay every day is no mistake of its user.',
          'Torクライアントは設計上、入口の中継を2〜4か月使い続けるため、毎日同じ中継を使うことは利用者の誤りではない。',
        )}
      </p>
    </div>
  );
}

function Followers({ rows }: { rows: TorThenTorrents[] }) {
  if (!rows.length) return null;
  return (
    <div class="part">
      <h3>{t('Tor, then torrents', 'Torの後のトレント')}</h3>
      <Table
        label={t('Tor, then torrents', 'Torの後のトレント')}
        rows={rows}
        limit={SHOWN}
        columns={[
          {
            head: t('Host', 'ホスト'),
            class: 'name',
            cell: (r) => <Plain text={r.local} longest={60} />,
          },
          {
            head: t('Days with Tor', 'Torの日数'),
            number: true,
            cell: (r) => <Count n={r.tor_days} />,
          },
          {
            head: t('Days with torrents', 'トレントの日数'),
            number: true,
            cell: (r) => <Count n={r.torrent_days} />,
          },
          {
            head: t('Within the hour', '一時間以内'),
            number: true,
            cell: (r) => <Count n={r.followed_days} />,
          },
          {
            head: 'q',
            number: true,
            cell: (r) => (
              <span title={visible(known(r.test.method))}>
                {format.probability(r.test.q ?? r.test.p)}
              </span>
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
      <h3>
        {t(
          'One host, one provider, month after month',
          '一つのホストが一つの事業者を毎月利用する例',
        )}
      </h3>
      <Table
        label={t('Subscriptions', '継続契約')}
        id="subscriptions-table"
        rows={rows}
        limit={SHOWN}
        columns={[
          {
            head: t('Host', 'ホスト'),
            class: 'name',
            cell: (r) => <Plain text={r.local} longest={60} />,
          },
          { head: t('Which', '種類'), cell: (r) => <Plain text={r.provider} longest={60} /> },
          {
            head: t('Network', 'ネットワーク'),
            cell: (r) => <Plain text={r.network} longest={80} />,
          },
          { head: t('Months', '月数'), number: true, cell: (r) => <Count n={r.months} /> },
          { head: t('Days', '日数'), number: true, cell: (r) => <Count n={r.days_seen} /> },
          { head: t('From, to', '期間'), cell: (r) => longRange(r.first, r.last) },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (r) => <Count n={r.flows} />,
          },
          evidenceColumn<Subscription>(),
        ]}
      />
    </div>
  );
}

function Chains({ of }: { of: Part<Chain[]> }) {
  const rows = given(of);
  if (!rows) return null;
  const methods = [...new Set(rows.map((r) => r.test.method))];
  return (
    <div class="part" id="chains">
      <h3>{t('Chains through pivots', '経由地点をまたぐ連鎖')}</h3>
      {rows.length === 0 && (
        <p class="quiet">
          {t(
            'No far end’s conversations followed a host’s more often than chance.',
            '偶然より多く続いた組は見つからなかった。',
          )}
        </p>
      )}
      {rows.length > 0 && (
        <Table
          label={t('Chains through pivots', '経由地点をまたぐ連鎖')}
          id="chains-table"
          rows={rows}
          limit={SHOWN}
          columns={[
            {
              head: t('Host, pivot, far end', 'ホスト、経由地点、相手先'),
              class: 'address path-of-hops',
              cell: (r) =>
                [r.local, ...r.hops].map((hop, i) => (
                  <span class="hop">
                    {i > 0 && <span class="muted">{' → '}</span>}
                    <Plain text={hop} longest={60} />
                  </span>
                )),
            },
            {
              head: t('Followed', '続いた件数'),
              number: true,
              hint: t('Conversations that followed one of the host', 'ホストの通信に続いた通信'),
              cell: (r) => <Count n={r.matched} />,
            },
            {
              head: t('By chance', '偶然なら'),
              number: true,
              hint: t(
                'How many would follow at shifted times',
                '時刻をずらした場合に続く件数の期待値',
              ),
              cell: (r) => <Count n={r.test.expected} words={format.few} />,
            },
            {
              head: t('In, out', '入、出'),
              number: true,
              hint: t(
                'Conversations of the host with the pivot, and of the pivot with the far end',
                'ホストと経由地点、経由地点と相手先の通信件数',
              ),
              cell: (r) => (
                <>
                  <Count n={r.flows_in} />, <Count n={r.flows_out} />
                </>
              ),
            },
            {
              head: t('Octets', 'オクテット数'),
              number: true,
              cell: (r) => <Count n={r.octets} words={format.octets} />,
            },
            {
              head: t('From, to', '期間'),
              cell: (r) => longRange(String(r.first).slice(0, 10), String(r.last).slice(0, 10)),
            },
            {
              head: 'q',
              number: true,
              cell: (r) => (
                <span title={visible(known(r.test.method))}>
                  {format.probability(r.test.q ?? r.test.p)}
                </span>
              ),
            },
            evidenceColumn<Chain>(),
          ]}
        />
      )}
      {methods.map((method) => (
        <p class="note">
          {t('The test: ', '検定：')}
          <Plain text={method} longest={400} />
          {t('.', '。')}
        </p>
      ))}
    </div>
  );
}

const isFaults = (tls: unknown): boolean =>
  typeof tls === 'object' && tls !== null && 'faults' in tls;

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
    <Section id="concealment" title={t('Concealment', '秘匿')}>
      <Lede>
        <Say
          en={
            rows.length
              ? 'Means that hide where traffic goes carry {share} of {unit} and {octets} of octets. '
              : 'None was seen: {share} of {unit}. '
          }
          ja={
            rows.length
              ? '行き先を隠す手段による通信は、{unit}の{share}、オクテット数の{octets}である。'
              : '見られなかった：{unit}の{share}。'
          }
          share={<Share of={of.share} />}
          unit={x.unit}
          octets={<Share of={of.octets_share} />}
        />
        <Plain text={of.definition_is ?? of.definition} longest={600} />
      </Lede>
      {rows.length > 0 && <Techniques rows={rows} unit={x.unit} />}
      <NotCountedTable of={of} unit={x.unit} />
      <Tor of={of} />
      <Subscriptions of={of.subscriptions} />
      <Followers rows={of.tor_then_torrents ?? []} />
      {isFaults(of.tls) && (
        <div class="part" id="tls-faults">
          <h3>{t('Faults of TLS', 'TLSの不備')}</h3>
          <Anything name="tls" of={of.tls} />
        </div>
      )}
      <Chains of={of.chains} />
      <Unknown of={of} />
    </Section>
  );
}
