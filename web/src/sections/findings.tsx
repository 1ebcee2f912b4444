// SPDX-License-Identifier: Apache-2.0
import { useState } from 'preact/hooks';
import type { Context } from '../context';
import { given, isUnsupported, type Finding } from '../model';
import { Command, Lede, Plain, Quiet, Section } from '../parts';
import { inLanguage } from '../text';
import { hasSection } from './contents';

// ICD 203's bands with their percent.
const BANDS: [string, string][] = [
  ['almost no chance', '1 to 5%'],
  ['very unlikely', '5 to 20%'],
  ['unlikely', '20 to 45%'],
  ['roughly even chance', '45 to 55%'],
  ['likely', '55 to 80%'],
  ['very likely', '80 to 95%'],
  ['almost certain', '95 to 99%'],
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
      <Plain text={at >= 0 ? word.charAt(0).toUpperCase() + word.slice(1) : of} />
      {percent && <small>{percent}</small>}
    </span>
  );
}

function Confidence({ of }: { of: string }) {
  const level = LEVELS.indexOf(of);
  return (
    <span class="chip" title="How much the sources and methods behind it bear">
      {level >= 0 && (
        <span class="dots" aria-hidden="true">
          {LEVELS.map((_, i) => (
            <i class={i <= level ? 'on' : ''} />
          ))}
        </span>
      )}
      <span>
        <Plain text={of.charAt(0).toUpperCase() + of.slice(1)} /> confidence
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
    ['reasons', !!of.because?.length],
    ['caveats', !!of.caveats?.length],
    ['alternatives', !!of.alternatives?.length],
    ['evidence', !!of.evidence],
  ];
  const words = parts.filter(([, there]) => there).map(([name]) => name);
  const last = words.pop() ?? '';
  const title = words.length ? `${words.join(', ')} and ${last}` : last;
  return title.charAt(0).toUpperCase() + title.slice(1);
}

/** Hidden until asked for, or found by a search in the page; always there on paper. */
function Basis({ of, id, open }: { of: Finding; id: string; open: boolean }) {
  return (
    <div class="basis" id={id} hidden={open ? undefined : ('until-found' as unknown as boolean)}>
      <Reasons title="Because" of={of.because} />
      <Reasons title="Caveats" of={of.caveats} />
      <Reasons title="Other explanations" of={of.alternatives} />
      {of.evidence && (
        <div class="reasons">
          <h4>The flows behind it</h4>
          <Command evidence={of.evidence} />
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
        <h3>
          <Plain text={inLanguage(of.headline)} longest={500} />
        </h3>
        <p class="statement">
          <Plain text={inLanguage(of.statement)} longest={4000} />
        </p>
        <div class="chips">
          {of.likelihood ? (
            <Likelihood of={of.likelihood} />
          ) : (
            <span class="chip" title="Measured, not judged: no likelihood applies">
              Measurement
            </span>
          )}
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
              See the data
            </a>
          )}
        </div>
        {basis && <Basis of={of} id={id} open={open} />}
      </div>
    </li>
  );
}

export function Findings({ x }: { x: Context }) {
  const findings = given(x.model.findings);
  return (
    <Section id="findings" title="Key findings">
      {isUnsupported(x.model.findings) && <Quiet why={x.model.findings} />}
      {findings && findings.length > 0 ? (
        <ol class="findings">
          {findings.map((f, i) => (
            <One x={x} of={f} number={i + 1} />
          ))}
        </ol>
      ) : (
        !isUnsupported(x.model.findings) && (
          <Lede>The data of this study support no finding that would stand on its own.</Lede>
        )
      )}
    </Section>
  );
}
