// SPDX-License-Identifier: Apache-2.0
// Appendix A: the data behind the report. Appendix B: how its numbers are made.

import type { Context } from '../context';
import * as format from '../format';
import {
  given,
  isUnsupported,
  type Exporter,
  type Fidelity,
  type FidelityDay,
  type Source,
} from '../model';
import { Strip, type Cell } from '../strip';
import { Count, Plain, Quiet, Section, Table } from '../parts';
import { visible } from '../text';
import { localTime, longRange, utcTime } from '../zone';
import { lang, t, textOf } from '../lang';

const midnight = (date: string) => Date.parse(`${date}T00:00:00Z`);

function DaysTable({ of }: { of: FidelityDay[] }) {
  return (
    <Table
      label={t('Data quality by day', '日別のデータ品質')}
      id="fidelity-table"
      rows={of}
      limit={14}
      rowClass={(d) => (d.used === false || d.hours_with_data === 0 ? 'absent' : undefined)}
      columns={[
        { head: t('Day', '日'), class: 'nowrap', cell: (d) => localTime(midnight(d.date), false) },
        {
          head: t('Hours with data', 'データのある時間数'),
          number: true,
          cell: (d) => <Count n={d.hours_with_data} />,
        },
        {
          head: t('Records', 'レコード'),
          number: true,
          cell: (d) => <Count n={d.records} words={format.exact} />,
        },
        {
          head: t('Flows', 'フロー'),
          number: true,
          cell: (d) => <Count n={d.flows} words={format.exact} />,
        },
        { head: t('Lost', '損失'), number: true, cell: (d) => <Count n={d.records_lost} /> },
        {
          head: t('Lost share', '損失率'),
          number: true,
          cell: (d) => format.percent(d.lost_share),
        },
        { head: t('Rejected', '不採用'), number: true, cell: (d) => <Count n={d.rejected} /> },
        {
          head: t('Sampling', '標本抽出'),
          number: true,
          cell: (d) => samplingOf(d.sampling),
        },
        {
          head: t('Exporters', 'エクスポータ'),
          number: true,
          cell: (d) => <Count n={d.exporters} />,
        },
        { head: t('Score', '評点'), number: true, cell: (d) => d.score?.toFixed(2) ?? '–' },
        {
          head: t('Used', '使用'),
          cell: (d) => (d.used === false ? t('no', 'いいえ') : t('yes', 'はい')),
        },
      ]}
    />
  );
}

const lostOf = (e: Exporter) => (
  <>
    <Count n={e.records_lost} />
    {(e.records_lost ?? 0) > 0 && <small class="under">{format.percent(e.lost_share)}</small>}
  </>
);

/** Its worst silences, and how many there are. */
function Silences({ of, x }: { of: Exporter; x: Context }) {
  const gaps = of.gaps ?? [];
  const at = (time: string) => localTime(x.zone.local(Date.parse(time)));
  if (!gaps.length) return <span class="muted">{t('none', 'なし')}</span>;
  const [worst] = gaps;
  const all = gaps.map((g) =>
    t(
      `${at(g.from)} to ${at(g.to)}: ${format.plural(g.hours, 'hour')}, about ${format.count(g.records_expected)} records`,
      `${at(g.from)}〜${at(g.to)}：${format.count(g.hours)}時間、約${format.count(g.records_expected)}レコード`,
    ),
  );
  return (
    <span title={all.join('\n')}>
      <Count n={of.gaps_in_all ?? gaps.length} />
      {worst && (
        <small class="under">
          {t(
            `worst ${format.plural(worst.hours, 'hour')} from ${at(worst.from)}, where about ${format.count(worst.records_expected)} records were to come`,
            `最大：${at(worst.from)}から${format.count(worst.hours)}時間（見込み約${format.count(worst.records_expected)}レコード）`,
          )}
        </small>
      )}
    </span>
  );
}

/** A cell for each day of the study: how complete it was. */
function daysOf(of: Exporter, x: Context): Cell[] {
  const by = new Map((of.daily ?? []).map((d) => [d.date, d]));
  return x.dates.map((date) => {
    const d = by.get(date);
    const score = d?.score ?? 0;
    return {
      level: d && d.records > 0 ? Math.max(0, Math.min(5, Math.floor(score * 5.999))) : null,
      title: `${localTime(midnight(date), false)}: ${t('score', '評点')} ${score.toFixed(2)}`,
    };
  });
}

function Exporters({ of, x }: { of: Fidelity; x: Context }) {
  const rows = of.exporters ?? [];
  if (!rows.length) return null;
  const months = x.dates.flatMap((d, i) => (i > 0 && d.endsWith('-01') ? [i] : []));
  return (
    <>
      <h3>{t('Exporters', 'エクスポータ')}</h3>
      <Table
        label={t('Data quality by exporter', 'エクスポータ別のデータ品質')}
        id="exporters-table"
        rows={rows}
        limit={14}
        columns={[
          {
            head: t('Exporter', 'エクスポータ'),
            class: 'name',
            cell: (e) => <Plain text={e.exporter} longest={60} />,
          },
          {
            head: t('Records', 'レコード'),
            number: true,
            cell: (e) => <Count n={e.records} words={format.exact} />,
          },
          { head: t('Lost', '損失'), number: true, cell: lostOf },
          { head: t('Rejected', '不採用'), number: true, cell: (e) => <Count n={e.rejected} /> },
          {
            head: t('Sampling', '標本抽出'),
            number: true,
            cell: (e) => samplingOf(e.sampling),
          },
          {
            head: t('Hours', '時間数'),
            number: true,
            cell: (e) => <Count n={e.hours_with_data} />,
          },
          {
            head: t('Days: the stronger the colour, the more complete', '日（色が強いほど完全）'),
            class: 'strip-cell',
            cell: (e) => (
              <>
                <Strip cells={daysOf(e, x)} marks={months} />
                <small class="under">
                  {t(
                    `${format.plural(e.days, 'day')}, ${spanOf(e, x)}`,
                    `${format.count(e.days)}日、${spanOf(e, x)}`,
                  )}
                </small>
              </>
            ),
          },
          {
            head: t('Silences', '途絶'),
            class: 'silences',
            hint: t(
              'Hours without a record where the hours around let some be expected',
              '前後の時間からレコードが見込まれるのに、一件もなかった時間',
            ),
            cell: (e) => <Silences of={e} x={x} />,
          },
        ]}
      />
      {(of.exporters_in_all ?? 0) > rows.length && (
        <p class="note">
          {t(
            `The ${format.count(rows.length)} with most records, of ${format.count(of.exporters_in_all)}.`,
            `${format.count(of.exporters_in_all)}台のうち、レコードの多い${format.count(rows.length)}台。`,
          )}
        </p>
      )}
      <Copies of={of} />
    </>
  );
}

const samplingOf = (rates?: number[]) =>
  (rates ?? []).map((n) => (n > 1 ? `1:${n}` : t('none', 'なし'))).join(', ') || '–';

const spanOf = (e: Exporter, x: Context) => {
  const day = (time: string) => {
    const local = x.zone.local(Date.parse(time));
    return Number.isFinite(local) ? new Date(local).toISOString().slice(0, 10) : '';
  };
  return longRange(day(e.first), day(e.last));
};

/** Copies that were left out, and records whose time cannot be right. */
function Copies({ of }: { of: Fidelity }) {
  const { duplicates, clock } = of;
  if (!duplicates && !clock) return null;
  const said = (n: number, share: number) => `${format.count(n)} (${format.percent(share)})`;
  return (
    <p class="note">
      {duplicates &&
        t(
          `Copies among the records imported: ${said(duplicates.records, duplicates.share)}. `,
          `取り込んだレコードのうち重複：${said(duplicates.records, duplicates.share)}。`,
        )}
      {clock &&
        t(
          `Records whose time cannot be right: ${said(clock.records, clock.share)}.`,
          `時刻が正しいはずのないレコード：${said(clock.records, clock.share)}。`,
        )}
    </p>
  );
}

/** Why the comparable stretch is that one: in Japanese from its numbers, the model has the sentence in English. */
function RobustWhy({ of }: { of: Fidelity }) {
  const why = String(of.robust?.why ?? '');
  const least = /at least (\d+)% as complete/.exec(why)?.[1];
  if (lang !== 'ja' || !least || of.robust_days === undefined)
    return <Plain text={why} longest={600} />;
  return (
    <>
      {`データのある時間数と失われなかったレコードでみて、最良の日の${least}%以上の完全性が続く最長の期間である（${of.days_of_period ?? of.days.length}日のうち${of.robust_days}日）。`}
    </>
  );
}

function FidelityPart({ of, x }: { of: Fidelity; x: Context }) {
  return (
    <>
      {(of.warnings ?? []).length > 0 && (
        <ul class="warnings">
          {' '}
          {(textOf(of, 'warnings') as string[]).map((w) => (
            <li>
              <Plain text={w} longest={1000} />
            </li>
          ))}
        </ul>
      )}
      <p>
        {of.robust && (
          <>
            {t('Comparable throughout: ', '一貫して比較できる期間：')}
            {longRange(of.robust.from, of.robust.to)}
            {t('. ', '。')}
            <RobustWhy of={of} />
            {t(' ', '')}
          </>
        )}
        {of.days_used !== undefined && (
          <>
            {t(
              `${of.days_used} of ${of.days_of_period ?? of.days.length} days are used for shares and intervals. `,
              `${of.days_of_period ?? of.days.length}日のうち${of.days_used}日を割合と区間に用いた。`,
            )}
          </>
        )}
        {of.score_is && (
          <>
            {t('A day’s score is ', '日の評点：')}
            <Plain text={of.score_is} longest={300} />
            {of.threshold !== undefined &&
              t(`; days under ${of.threshold} are left out`, `。${of.threshold}未満の日は除いた`)}
            {t('.', '。')}
          </>
        )}
      </p>
      <DaysTable of={of.days ?? []} />
      <Exporters of={of} x={x} />
    </>
  );
}

function Digest({ of }: { of?: string | null }) {
  if (!of) return <span class="muted">–</span>;
  return (
    <code class="digest">
      <Plain text={of} longest={140} />
    </code>
  );
}

function Sources({ of }: { of: Source[] }) {
  return (
    <Table
      label={t('Sources', 'ソース')}
      id="sources-table"
      rows={of}
      limit={20}
      columns={[
        {
          head: t('Source', 'ソース'),
          class: 'name path',
          cell: (s) => (
            <>
              <Plain text={s.path} longest={160} />
              <small class="under">
                SHA-256 <Digest of={s.sha256} />
              </small>
            </>
          ),
        },
        { head: t('Format', '形式'), cell: (s) => <Plain text={s.format} longest={40} /> },
        {
          head: t('First and last record', '最初と最後のレコード'),
          cell: (s) => (
            <span class="nowrap">
              {utcTime(s.first)}
              <br />
              {utcTime(s.last)}
            </span>
          ),
        },
        {
          head: t('Records', 'レコード'),
          number: true,
          cell: (s) => <Count n={s.records} words={format.exact} />,
        },
        {
          head: t('Kept', '保存'),
          number: true,
          cell: (s) => <Count n={s.kept} words={format.exact} />,
        },
        {
          head: t('Outside', '対象外'),
          number: true,
          cell: (s) => <Count n={s.outside} words={format.exact} />,
        },
        {
          head: t('Duplicates', '重複'),
          number: true,
          cell: (s) => <Count n={s.duplicates} words={format.exact} />,
        },
        {
          head: t('Rejected', '不採用'),
          number: true,
          cell: (s) => <Count n={s.rejected} words={format.exact} />,
        },
      ]}
    />
  );
}

function Provenance({ x }: { x: Context }) {
  const p = x.model.provenance ?? {};
  const rows: [string, string][] = [
    [t('Report generated', '報告書の作成'), utcTime(p.generated)],
    [t('Program', 'プログラム'), `telltale ${visible(p.program_version)}`],
    [
      t('Engine', 'エンジン'),
      p.engine ? `${visible(p.engine.kind)} ${visible(p.engine.version)}` : '–',
    ],
    [t('Seed of everything random', '乱数の種'), p.seed === undefined ? '–' : String(p.seed)],
    [
      t('Countries and origin AS', '国とオリジンAS'),
      p.geo ? `${visible(p.geo.name)}, ${visible(p.geo.date)}` : t('none', 'なし'),
    ],
    [
      t('Catalogue', 'カタログ'),
      p.catalogue
        ? t(
            `${format.exact(p.catalogue.entries)} entries of ${visible(p.catalogue.date)}, SHA-256 ${visible(p.catalogue.sha256)}`,
            `${visible(p.catalogue.date)}の${format.exact(p.catalogue.entries)}項目、SHA-256 ${visible(p.catalogue.sha256)}`,
          )
        : t('none', 'なし'),
    ],
    [
      t('Tor consensus', 'Torコンセンサス'),
      p.tor ? `${visible(p.tor.from)} – ${visible(p.tor.to)}` : t('none', 'なし'),
    ],
    [
      t('Definitions', '定義'),
      Object.entries(p.definitions ?? {})
        .map(([k, v]) => `${visible(k)} ${visible(v)}`)
        .join(', ') || '–',
    ],
    [t('Model', 'モデル'), `${visible(x.model.schema)}, SHA-256 ${visible(p.digest ?? '–')}`],
  ];
  return (
    <dl class="provenance">
      {rows.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Data({ x }: { x: Context }) {
  const fidelity = given(x.model.fidelity);
  const sources = x.model.provenance?.sources ?? [];
  return (
    <Section id="data" title={t('Appendix A: the data', '付録A：データ')}>
      <h3>{t('Completeness', '完全性')}</h3>
      {isUnsupported(x.model.fidelity) && <Quiet why={x.model.fidelity} />}
      {fidelity && <FidelityPart of={fidelity} x={x} />}
      <h3>{t('Sources', 'ソース')}</h3>
      {sources.length ? (
        <Sources of={sources} />
      ) : (
        <p class="quiet">{t('No source was imported.', 'ソースは取り込まれていない。')}</p>
      )}
      <h3>{t('Provenance', '来歴')}</h3>
      <Provenance x={x} />
    </Section>
  );
}

export function Methods({ x }: { x: Context }) {
  const presence = given(x.model.presence);
  return (
    <Section id="methods" title={t('Appendix B: methods', '付録B：方法')}>
      <dl class="methods">
        <dt>{t('Conversations', '通信件数')}</dt>
        <dd>
          {t(
            'What is counted is a conversation: the two directions of one exchange between an address of the population and another. One that an exporter cut into several records, or that two exporters saw, counts once. The study’s measure: ',
            '数える単位は通信である。通信とは、対象集団のアドレスと他のアドレスとの間の一回のやり取りの両方向を指す。エクスポータが複数のレコードに分けたものや、二つのエクスポータが観測したものは一回と数える。調査の測定量：',
          )}
          <Plain text={x.model.study.measure} longest={600} />
          {t('.', '。')}
        </dd>
        <dt>{t('Roles', '役割')}</dt>
        <dd>
          {t(
            'Consumed: the population opened it. Served: others opened it towards a server of the population, which answered. Peer: both sides are alike, as in file sharing. Unanswered: scans and the like. Usage, rhythm and presence are about consumed and peer.',
            '利用：対象集団が開始した通信。提供：外部が対象集団のサーバに対して開始し、応答があった通信。ピア：ファイル共有のように両者が対等な通信。無応答：スキャンなど。利用状況、生活リズム、所在の各節は、利用とピアを対象とする。',
          )}
        </dd>
        <dt>{t('Services', 'サービス')}</dt>
        <dd>
          {t(
            'A conversation belongs to a service by the best evidence there is: the server’s name, then the payload’s protocol, a DNS answer that the same client had before, an address range that the service owns, the origin AS, the port. A shared host without a name stays ambiguous.',
            '通信は、得られる最良の証拠によってサービスに帰属させる。順に、サーバ名、ペイロードのプロトコル、同じクライアントが先に得たDNS応答、サービスの保有するアドレス範囲、オリジンAS、ポート番号である。名前のない共有ホストは曖昧なままとする。',
          )}
        </dd>
        <dt>{t('Intervals', '区間')}</dt>
        <dd>
          {t(
            'An interval says where the long-run value lies that other days of the same population would show, 95 times of 100. Days are the unit, since conversations of one day are not independent of each other, nor is a day of its neighbours. Plain counts of what was recorded carry none.',
            '区間は、同じ集団の他の日々が示すはずの長期的な値が、100回のうち95回収まる範囲を示す。同じ日の通信は互いに独立ではなく、日も隣り合う日と独立ではないため、日を単位とする。記録した実数には区間を付さない。',
          )}
        </dd>
        <dt>{t('Expected shares', '見込みの割合')}</dt>
        <dd>
          {t(
            'A country’s ratio is its share over the share that the baseline gives it; the adjusted one leaves out services that are popular wherever the population goes. ',
            '国の比は、その割合を基準の与える割合で割ったものであり、補正後の比は、対象集団がどこでも使う人気サービスを除く。',
          )}
          {presence?.fdr !== undefined &&
            t(
              `A country stands out when its adjusted ratio is above 1 at a false discovery rate of ${format.percent(presence.fdr).replace('.0%', '%')} over all countries. `,
              `補正後の比が、全ての国にわたる偽発見率${format.percent(presence.fdr).replace('.0%', '%')}で1を超える国を、際立つとする。`,
            )}
          {t(
            'Address space does not know people’s habits: where it is the baseline, the ratio must be well above 1 and the country met locally too, through its government, news, universities or laboratories.',
            'アドレス空間は人々の習慣を反映しない。それを基準とする場合は、比が1を大きく超え、かつ、政府、報道、大学、研究所など現地の機関との通信もあることを条件とする。',
          )}
        </dd>
        <dt>{t('Words', '言葉')}</dt>
        <dd>
          {t(
            'Likelihood is given in the seven bands of ICD 203, from almost no chance (1 to 5%) to almost certain (95 to 99%). Confidence is about the sources and methods, and stands apart. A measurement is stated as one.',
            '可能性は、ICD 203の7段階（ほとんどない：1〜5%から、ほぼ確実：95〜99%まで）で示す。確信度は情報源と方法に関するものであり、別に示す。測定は測定として述べる。',
          )}
        </dd>
        <dt>{t('Evidence', '証拠')}</dt>
        <dd>
          {t(
            'Each number can be checked: the command beside it lists exactly the flows that it counts, in the study’s folder. ',
            '各数値は検証できる。横のコマンドを調査のフォルダで実行すると、数えたフローがそのまま一覧される。',
          )}
          <code>telltale verify</code>
          {t(' checks a whole report against its store.', 'は報告書全体をストアと照合する。')}
        </dd>
        <dt>{t('Times', '時刻')}</dt>
        <dd>
          {t(
            `Dates and hours are those of ${x.zoneLabel}, by the zone’s own history. Times marked UTC are UTC.`,
            `日付と時刻は${x.zoneLabel}のもので、その時間帯の履歴に従う。UTCと記したものはUTCである。`,
          )}
        </dd>
      </dl>
    </Section>
  );
}
