// SPDX-License-Identifier: Apache-2.0
import { useState } from 'preact/hooks';
import type { Context } from '../context';
import { given, isUnsupported, type Finding } from '../model';
import { Command, Count, Lede, Plain, Quiet, Section, Table } from '../parts';
import { utcTime } from '../zone';
import * as format from '../format';
import { hasSection } from './contents';
import { t, textOf } from '../lang';

// ICD 203's bands with their percent.
const BANDS: [string, string][] = [
  ['almost no chance', '1–5%'],
  ['very unlikely', '5–20%'],
  ['unlikely', '20–45%'],
  ['roughly even chance', '45–55%'],
  ['likely', '55–80%'],
  ['very likely', '80–95%'],
  ['almost certain', '95–99%'],
];
const SAME: Record<string, string> = {
  remote: 'almost no chance',
  'highly improbable': 'very unlikely',
  improbable: 'unlikely',
  'roughly even odds': 'roughly even chance',
  probable: 'likely',
  'highly probable': 'very likely',
  'nearly certain': 'almost certain',
  'almost certainly': 'almost certain',
};
const LEVELS = ['low', 'moderate', 'high'];
const JA_BANDS = [
  'ほとんどない',
  '非常に低い',
  '低い',
  '五分五分',
  '高い',
  '非常に高い',
  'ほぼ確実',
];
const JA_LEVELS = ['低', '中', '高'];

function Likelihood({ of }: { of: string }) {
  const word = of.toLowerCase().replaceAll('_', ' ').trim();
  const at = BANDS.findIndex(([name]) => name === (SAME[word] ?? word));
  const percent = BANDS[at]?.[1];
  return (
    <span class="chip likelihood" title={percent && `${word}: ${percent} (ICD 203)`}>
      {at >= 0 && (
        <span class="bands" aria-hidden="true">
          {BANDS.map((_, i) => (
            <i class={i === at ? 'on' : ''} />
          ))}
        </span>
      )}
      <Plain
        text={
          at >= 0
            ? t(word.charAt(0).toUpperCase() + word.slice(1), `可能性：${JA_BANDS[at] ?? ''}`)
            : of
        }
      />
      {percent && <small>{percent}</small>}
    </span>
  );
}

const Measured = () => (
  <span
    class="chip"
    title={t(
      'Measured, not judged: no likelihood applies',
      '判断ではなく測定であり、可能性は付さない',
    )}
  >
    {t('Measurement', '測定')}
  </span>
);

function Confidence({ of }: { of: string }) {
  const level = LEVELS.indexOf(of);
  return (
    <span
      class="chip"
      title={t(
        'How much the sources and methods behind it bear',
        '根拠となる情報源と方法がどれほど支えるか',
      )}
    >
      {level >= 0 && (
        <span class="dots" aria-hidden="true">
          {LEVELS.map((_, i) => (
            <i class={i <= level ? 'on' : ''} />
          ))}
        </span>
      )}
      <span>
        <Plain
          text={t(
            `${of.charAt(0).toUpperCase()}${of.slice(1)} confidence`,
            `確信度：${JA_LEVELS[level] ?? of}`,
          )}
        />
      </span>
    </span>
  );
}

function Reasons({ title, of }: { title: string; of?: string[] }) {
  if (!of?.length) return null;
  return (
    <div class="reasons">
      <h4>{title}</h4>
      <ul>
        {of.map((text) => (
          <li>
            <Plain text={text} longest={2000} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What a finding rests on, by name: "Reasons, caveats and evidence". */
function basisTitle(of: Finding): string {
  const parts: [string, boolean][] = [
    [t('reasons', '理由'), !!of.because?.length],
    [t('caveats', '留意点'), !!of.caveats?.length],
    [t('alternatives', '別の説明'), !!of.alternatives?.length],
    [t('evidence', '証拠'), !!of.evidence],
  ];
  const words = parts.filter(([, there]) => there).map(([name]) => name);
  const last = words.pop() ?? '';
  const title = words.length
    ? t(`${words.join(', ')} and ${last}`, `${words.join('、')}、${last}`)
    : last;
  return title.charAt(0).toUpperCase() + title.slice(1);
}

const PROTOCOLS: Record<number, string> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 50: 'ESP' };

const end = (address: string, port: number) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** The first conversations that the command would list. */
function Sample({ of }: { of: Finding }) {
  const rows = of.sample ?? [];
  if (!rows.length) return null;
  return (
    <details class="behind sample">
      <summary>
        {t(
          `The first ${rows.length} of ${format.count(of.evidence?.flows)}`,
          `${format.count(of.evidence?.flows)}件のうち最初の${rows.length}件`,
        )}
      </summary>
      <Table
        label={t('Conversations behind the finding', '所見の根拠となる通信')}
        rows={rows}
        cards
        columns={[
          {
            head: t('Start', '開始'),
            class: 'nowrap',
            cell: (r) => utcTime(r.start),
          },
          {
            head: t('Local address', '内部アドレス'),
            class: 'address',
            cell: (r) => <Plain text={end(r.local, r.local_port)} longest={80} />,
          },
          {
            head: t('Remote address', '外部アドレス'),
            class: 'address',
            cell: (r) => <Plain text={end(r.remote, r.remote_port)} longest={80} />,
          },
          {
            head: t('Protocol', 'プロトコル'),
            cell: (r) => PROTOCOLS[r.protocol] ?? String(r.protocol),
          },
          { head: t('Service', 'サービス'), cell: (r) => <Plain text={r.service || '–'} /> },
          { head: t('Name', '名称'), cell: (r) => <Plain text={r.name || '–'} longest={80} /> },
          {
            head: t('Octets', 'オクテット数'),
            number: true,
            cell: (r) => <Count n={r.octets} words={format.octets} />,
          },
        ]}
      />
    </details>
  );
}

/** Hidden until asked for, or found by a search in the page; always there on paper. */
function Basis({ of, id, open }: { of: Finding; id: string; open: boolean }) {
  return (
    <div class="basis" id={id} hidden={open ? undefined : ('until-found' as unknown as boolean)}>
      <Reasons title={t('Because', '理由')} of={textOf(of, 'because') as string[] | undefined} />
      <Reasons title={t('Caveats', '留意点')} of={textOf(of, 'caveats') as string[] | undefined} />
      <Reasons
        title={t('Other explanations', '別の説明')}
        of={textOf(of, 'alternatives') as string[] | undefined}
      />
      {of.evidence && (
        <div class="reasons">
          <h4>{t('The flows behind it', '根拠となるフロー')}</h4>
          <Command evidence={of.evidence} />
          <Sample of={of} />
        </div>
      )}
    </div>
  );
}

function One({ x, of, number }: { x: Context; of: Finding; number: number }) {
  const [open, setOpen] = useState(false);
  const basis = basisTitle(of);
  const id = `finding-${number}`;
  return (
    <li class="finding" data-finding={of.id}>
      <span class="ordinal" aria-hidden="true">
        {number}
      </span>
      <div>
        <h3 id={`${id}-title`}>
          <Plain text={textOf(of, 'headline')} longest={500} />
        </h3>
        <p class="statement">
          <Plain text={textOf(of, 'statement')} longest={4000} />
        </p>
        <div class="chips">
          {of.likelihood ? <Likelihood of={of.likelihood} /> : <Measured />}
          {of.confidence && <Confidence of={of.confidence} />}
          {basis && (
            <button
              type="button"
              class="disclose"
              aria-expanded={open}
              aria-controls={id}
              onClick={() => setOpen(!open)}
            >
              {basis}
            </button>
          )}
          {hasSection(x, of.section) && (
            <a class="see" href={`#${of.section === 'fidelity' ? 'data' : of.section}`}>
              {t('See the data', 'データを見る')}
            </a>
          )}
        </div>
        {basis && <Basis of={of} id={id} open={open} />}
      </div>
    </li>
  );
}

/** Findings that the model's rule chose, in short: judgement, likelihood and confidence apart. */
export function Judgements({ x }: { x: Context }) {
  const chosen = given(x.model.judgements);
  const all = given(x.model.findings) ?? [];
  const rows = all.flatMap((f, i) =>
    chosen?.findings.includes(f.id) ? [{ of: f, number: i + 1 }] : [],
  );
  if (!chosen || !rows.length) return null;
  return (
    <Section id="judgements" title={t('Key judgements', '主要判断')}>
      <ol class="judgements">
        {rows.map(({ of, number }) => (
          <li data-judgement={of.id}>
            <p>
              <strong>
                <Plain text={textOf(of, 'headline')} longest={500} />
                {t('. ', '。')}
              </strong>
              <Plain text={textOf(of, 'statement')} longest={4000} />
            </p>
            <div class="chips">
              {of.likelihood ? <Likelihood of={of.likelihood} /> : <Measured />}
              {of.confidence && <Confidence of={of.confidence} />}
              <a class="see" href={`#finding-${number}-title`}>
                {t(`Finding ${number}`, `所見${number}`)}
              </a>
            </div>
          </li>
        ))}
      </ol>
      <p class="note">
        <Plain text={textOf(chosen, 'rule')} longest={1000} />
      </p>
    </Section>
  );
}

export function Findings({ x }: { x: Context }) {
  const findings = given(x.model.findings);
  return (
    <Section id="findings" title={t('Findings', '所見')}>
      {isUnsupported(x.model.findings) && <Quiet why={x.model.findings} />}
      {findings && findings.length > 0 ? (
        <ol class="findings">
          {findings.map((f, i) => (
            <One x={x} of={f} number={i + 1} />
          ))}
        </ol>
      ) : (
        !isUnsupported(x.model.findings) && (
          <Lede>
            {t(
              'The data of this study support no finding that would stand on its own.',
              'この調査のデータから、単独で成り立つ所見は得られない。',
            )}
          </Lede>
        )
      )}
    </Section>
  );
}
