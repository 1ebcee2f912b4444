// SPDX-License-Identifier: Apache-2.0
// The world's countries for ECharts, by their ISO 3166-1 alpha-2 codes, and where to put a dot or a
// label. The projection is Equal Earth (Savric, Patterson, Jenny 2018): areas compare.

import * as echarts from 'echarts/core';
import type { FeatureCollection, Geometry } from 'geojson';
import { feature } from 'topojson-client';
import world from 'world';
import { lang } from './lang';

// ISO 3166-1: alpha-2 and numeric codes.
const CODES =
  'AD020AE784AF004AG028AI660AL008AM051AO024AQ010AR032AS016AT040AU036AW533AX248AZ031BA070BB052BD050' +
  'BE056BF854BG100BH048BI108BJ204BL652BM060BN096BO068BQ535BR076BS044BT064BV074BW072BY112BZ084CA124' +
  'CC166CD180CF140CG178CH756CI384CK184CL152CM120CN156CO170CR188CU192CV132CW531CX162CY196CZ203DE276' +
  'DJ262DK208DM212DO214DZ012EC218EE233EG818EH732ER232ES724ET231FI246FJ242FK238FM583FO234FR250GA266' +
  'GB826GD308GE268GF254GG831GH288GI292GL304GM270GN324GP312GQ226GR300GS239GT320GU316GW624GY328HK344' +
  'HM334HN340HR191HT332HU348ID360IE372IL376IM833IN356IO086IQ368IR364IS352IT380JE832JM388JO400JP392' +
  'KE404KG417KH116KI296KM174KN659KP408KR410KW414KY136KZ398LA418LB422LC662LI438LK144LR430LS426LT440' +
  'LU442LV428LY434MA504MC492MD498ME499MF663MG450MH584MK807ML466MM104MN496MO446MP580MQ474MR478MS500' +
  'MT470MU480MV462MW454MX484MY458MZ508NA516NC540NE562NF574NG566NI558NL528NO578NP524NR520NU570NZ554' +
  'OM512PA591PE604PF258PG598PH608PK586PL616PM666PN612PR630PS275PT620PW585PY600QA634RE638RO642RS688' +
  'RU643RW646SA682SB090SC690SD729SE752SG702SH654SI705SJ744SK703SL694SM674SN686SO706SR740SS728ST678' +
  'SV222SX534SY760SZ748TC796TD148TF260TG768TH764TJ762TK772TL626TM795TN788TO776TR792TT780TV798TW158' +
  'TZ834UA804UG800UM581US840UY858UZ860VA336VC670VE862VG092VI850VN704VU548WF876WS882YE887YT175ZA710' +
  'ZM894ZW716';

// Parts of a country that the map keeps apart or has no number for.
const BY_NAME: Record<string, string> = { Kosovo: 'XK' };

const MAP = 'world';
const SMALL_DEGREES = 2.2; // a country smaller than this each way gets a dot

const alpha = new Map<string, string>();
for (let i = 0; i < CODES.length; i += 5)
  alpha.set(CODES.slice(i + 2, i + 5), CODES.slice(i, i + 2));

export interface Place {
  /** longitude and latitude of its largest part's middle */
  at: [number, number];
  small: boolean;
}

type Ring = [number, number][];

function ringSize(ring: Ring): { area: number; wide: number; tall: number; at: [number, number] } {
  let [area, cx, cy] = [0, 0, 0];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [a, b] = [ring[i] as [number, number], ring[i + 1] as [number, number]];
    const cross = a[0] * b[1] - b[0] * a[1];
    area += cross;
    cx += (a[0] + b[0]) * cross;
    cy += (a[1] + b[1]) * cross;
  }
  const xs = ring.map((p) => p[0]);
  const ys = ring.map((p) => p[1]);
  const [wide, tall] = [Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
  const first = ring[0] ?? [0, 0];
  const at: [number, number] =
    Math.abs(area) > 1e-9 ? [cx / (3 * area), cy / (3 * area)] : [first[0], first[1]];
  return { area: Math.abs(area) / 2, wide, tall, at };
}

// Where the middle of the largest part is a poor place for a label.
const PLACED: Record<string, [number, number]> = { US: [-98, 39], CA: [-105, 58], RU: [95, 62] };

/** The part of a ring on one side of a meridian (Sutherland and Hodgman 1974). */
function clip(ring: Ring, meridian: number, west: boolean): Ring {
  const inside = (p: [number, number]) => (west ? p[0] <= meridian : p[0] >= meridian);
  const out: Ring = [];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [a, b] = [ring[i] as [number, number], ring[i + 1] as [number, number]];
    if (inside(a)) out.push(a);
    if (inside(a) !== inside(b))
      out.push([meridian, a[1] + ((b[1] - a[1]) * (meridian - a[0])) / (b[0] - a[0])]);
  }
  if (out.length > 2) out.push(out[0] as [number, number]);
  return out.length > 3 ? out : [];
}

/** A ring that goes over the 180th meridian as rings that do not. world-atlas joins them there. */
function cut(ring: Ring): Ring[] {
  let turn = 0;
  const whole: Ring = ring.map((p, i) => {
    const step = i ? p[0] - (ring[i - 1] as [number, number])[0] : 0;
    if (step > 180) turn -= 360;
    if (step < -180) turn += 360;
    return [p[0] + turn, p[1]];
  });
  const xs = whole.map((p) => p[0]);
  const edge = Math.max(...xs) > 180 ? 180 : Math.min(...xs) < -180 ? -180 : null;
  if (edge === null) return [ring];
  const moved = (r: Ring, by: number): Ring => r.map((p) => [p[0] + by, p[1]]);
  const [west, east] = [clip(whole, edge, true), clip(whole, edge, false)];
  return (edge > 0 ? [west, moved(east, -360)] : [moved(west, 360), east]).filter((r) => r.length);
}

/** Every part of every country as a polygon; a part that is cut loses its holes (none has any). */
function cutAll(all: FeatureCollection<Geometry, { name: string }>): void {
  for (const f of all.features) {
    const g = f.geometry;
    const parts =
      g.type === 'Polygon' ? [g.coordinates] : g.type === 'MultiPolygon' ? g.coordinates : [];
    const coordinates = parts.flatMap(([outer, ...holes]) => {
      const outers = cut((outer ?? []) as Ring);
      return outers.map((ring) => [ring, ...(outers.length > 1 ? [] : holes)]);
    });
    f.geometry = { type: 'MultiPolygon', coordinates };
  }
}

function build(): Map<string, Place> {
  const all = feature(world, world.objects.countries);
  cutAll(all);
  const places = new Map<string, Place>();
  const areas = new Map<string, number>();
  for (const f of all.features) {
    const code = alpha.get(String(f.id)) ?? BY_NAME[f.properties.name] ?? '';
    f.properties.name = code || f.properties.name;
    const g = f.geometry;
    const rings = g.type === 'MultiPolygon' ? g.coordinates.map((p) => p[0]) : [];
    for (const ring of rings) {
      const size = ringSize(ring as Ring);
      if (size.area < (areas.get(code) ?? -1)) continue;
      areas.set(code, size.area);
      const small = size.wide < SMALL_DEGREES && size.tall < SMALL_DEGREES;
      places.set(code, { at: PLACED[code] ?? size.at, small });
    }
  }
  echarts.registerMap(MAP, all as Parameters<typeof echarts.registerMap>[1]);
  return places;
}

let built: Map<string, Place> | null = null;

/** The map's name for ECharts, registered on first use, and the countries' places. */
export function atlas(): { map: string; places: Map<string, Place> } {
  built ??= build();
  return { map: MAP, places: built };
}

const A = [1.340264, -0.081106, 0.000893, 0.003796] as const;
const M = Math.sqrt(3) / 2;
const RADIANS = Math.PI / 180;

function slope(t: number): number {
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  return A[0] + 3 * A[1] * t2 + t6 * (7 * A[2] + 9 * A[3] * t2);
}

function height(t: number): number {
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  return t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
}

export const equalEarth = {
  project([lon, lat]: [number, number]): [number, number] {
    const t = Math.asin(M * Math.sin(lat * RADIANS));
    return [(lon * RADIANS * Math.cos(t)) / (M * slope(t)), -height(t)];
  },
  unproject([x, y]: [number, number]): [number, number] {
    let t = -y / A[0];
    for (let i = 0; i < 12; i++) t -= (height(t) + y) / slope(t);
    const lon = (M * x * slope(t)) / Math.cos(t) / RADIANS;
    return [lon, Math.asin(Math.max(-1, Math.min(1, Math.sin(t) / M))) / RADIANS];
  },
};

let named: Intl.DisplayNames | null = null;

/** A country's English name from the browser, its code where there is none. */
export function countryName(code: string): string {
  try {
    named ??= new Intl.DisplayNames(lang, { type: 'region' });
    return named.of(code) ?? code;
  } catch {
    return code;
  }
}
