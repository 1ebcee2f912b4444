// SPDX-License-Identifier: Apache-2.0
import * as format from '../format';
import type { Context } from '../context';
import type { Study } from '../model';
import { Plain } from '../parts';
import { ThemeButton } from '../theme';
import { longRange, utcTime } from '../zone';
import { lang, LANGS, t } from '../lang';

const SHOWN_PREFIXES = 6;

function Population({ of }: { of: Study['population'] }) {
  const item = (p: Study['population'][number]) => (
    <li>
      <code>
        <Plain text={p.prefix} />
      </code>{' '}
      {p.label && <Plain text={p.label} />}
    </li>
  );
  const rest = of.slice(SHOWN_PREFIXES);
  return (
    <>
      <ul class="population">{of.slice(0, SHOWN_PREFIXES).map(item)}</ul>
      {rest.length > 0 && (
        <details>
          <summary>
            {t(
              `${format.count(rest.length)} more prefixes`,
              `ほか${format.count(rest.length)}個のプレフィックス`,
            )}
          </summary>
          <ul class="population">{rest.map(item)}</ul>
        </details>
      )}
    </>
  );
}

const TLP = ['RED', 'AMBER+STRICT', 'AMBER', 'GREEN', 'CLEAR'];

/** FIRST's Traffic Light Protocol 2.0, in its own colours and letters. */
export function Tlp({ of }: { of?: string }) {
  if (!of || !TLP.includes(of)) return null;
  const kind = of.toLowerCase().replace('+', '-');
  return (
    <p class="tlp">
      <span class={`tlp-${kind}`}>TLP:{of}</span>
    </p>
  );
}

/** The same page in another language; what its address says is all it knows. */
function Languages() {
  return (
    <span class="languages" role="group" aria-label="Language · 言語">
      {LANGS.map(([code, name]) => (
        <a
          href={`?lang=${code}`}
          lang={code}
          hreflang={code}
          aria-current={code === lang ? 'true' : undefined}
        >
          {name}
        </a>
      ))}
    </span>
  );
}

export function Masthead({ x }: { x: Context }) {
  const { study, provenance } = x.model;
  const first = x.dates[0] ?? study.from;
  const last = x.dates[x.dates.length - 1] ?? study.to;
  return (
    <header class="masthead">
      <Tlp of={study.tlp} />
      <div class="brand">
        <span class="mark" aria-hidden="true" />
        <span>telltale</span>
        <span class="brand-kind">
          {t('Report on flow telemetry', 'フローテレメトリによる報告書')}
        </span>
        <Languages />
        <ThemeButton />
      </div>
      <h1>
        <Plain text={study.name} />
      </h1>
      <dl class="facts">
        <div>
          <dt>{t('Period', '期間')}</dt>
          <dd>
            {longRange(first, last)}
            <small>
              {t(
                `${format.plural(x.dates.length, 'day')} of ${x.zoneLabel}`,
                `${x.zoneLabel}の${x.dates.length}日間`,
              )}
            </small>
          </dd>
        </div>
        <div class="wide">
          <dt>{t('Population', '対象集団')}</dt>
          <dd>
            <Population of={study.population ?? []} />
          </dd>
        </div>
        <div>
          <dt>{t('Generated', '作成')}</dt>
          <dd>
            {utcTime(provenance?.generated)}
            <small>
              telltale <Plain text={provenance?.program_version} />
            </small>
          </dd>
        </div>
      </dl>
    </header>
  );
}
