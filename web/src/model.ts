// SPDX-License-Identifier: Apache-2.0
// The report model, telltale.report/1, as docs/report.schema.json has it. A report may come from an
// older or newer telltale: whatever can be absent is optional here, and the page copes.

export interface Estimate {
  value: number;
  /** null where the data set no bound */
  low: number | null;
  high: number | null;
  level: number;
}

export interface Test {
  p: number;
  q?: number;
  method: string;
  draws: number;
}

export interface Evidence {
  filter: string;
  from: string;
  to: string;
  flows: number;
}

/** Fields' texts in each language, beside the fields themselves. */
export type Texts<Fields> = Partial<Record<string, Partial<Fields>>>;

export interface Unsupported {
  unsupported: string;
  text?: Texts<{ unsupported: string }>;
}

/** A section, or the reason why the data or this edition cannot give it. */
export type Section<T> = T | Unsupported | null | undefined;

export type Role = 'consumed' | 'served' | 'peer' | 'unanswered';

export interface StudyEvent {
  time: string;
  label: string;
  kind: string;
  uncertainty_s?: number;
  date_only?: boolean;
  source?: string;
}

export interface Study {
  name: string;
  timezone: string;
  from: string;
  to: string;
  from_time?: string;
  to_time?: string;
  days?: number;
  population: { prefix: string; label?: string }[];
  events: StudyEvent[];
  measure: string;
  /** what shares are of, where it differs from what the study asks for */
  measure_used?: string;
  tlp?: string;
  reference?: { kind: string; name: string; measure?: string } | null;
}

export interface Source {
  path: string;
  format: string;
  sha256: string;
  first: string | null;
  last: string | null;
  records: number;
  kept: number;
  outside?: number;
  duplicates?: number;
  rejected: number;
}

export interface Provenance {
  generated: string;
  program_version: string;
  engine?: { kind: string; version: string };
  seed?: number;
  definitions?: Record<string, string>;
  sources?: Source[];
  geo?: { name: string; date: string } | null;
  catalogue?: { sha256: string; entries: number; date: string } | null;
  tor?: { from: string; to: string } | null;
  digest?: string;
}

export interface FidelityDay {
  date: string;
  flows: number;
  packets: number;
  exporters: number;
  records?: number;
  records_lost: number;
  lost_share: number | null;
  rejected?: number;
  sampling: number[];
  hours_with_data: number;
  score: number;
  used?: boolean;
}

export interface Exporter {
  exporter: string;
  records: number;
  records_lost: number;
  lost_share: number | null;
  rejected?: number;
  sampling?: number[];
  days: number;
  hours_with_data: number;
  first: string;
  last: string;
  /** the worst silences */
  gaps?: { from: string; to: string; hours: number; records_expected: number }[];
  gaps_in_all?: number;
  daily?: { date: string; records: number; score: number }[];
}

export interface Fidelity {
  days: FidelityDay[];
  days_used?: number;
  days_of_period?: number;
  threshold?: number;
  score_is?: string;
  robust: { from: string; to: string; why: string } | null;
  robust_days?: number;
  warnings: string[];
  /** those with most records */
  exporters?: Exporter[];
  exporters_in_all?: number;
  duplicates?: { records: number; share: number };
  clock?: { records: number; share: number };
  text?: Texts<{ warnings: string[] }>;
}

export interface Volume {
  flows: number;
  octets: number;
  packets: number;
}

export interface Totals extends Volume {
  local_hosts: number;
  remote_hosts: number;
  by_role: Partial<Record<Role, number>>;
  roles?: Partial<Record<Role, Volume & { local_hosts: number; remote_hosts: number }>>;
  usage?: Volume & { days?: number };
  unattributed?: { flows: number; share: Estimate; evidence: Evidence };
  evidence?: Evidence;
}

export interface ActivityDay extends Volume {
  date: string;
  local_hosts: number;
  by_role?: Partial<Record<Role, number>>;
}

export interface Activity {
  roles?: string[];
  daily: ActivityDay[];
  /** First and last day of the series. */
  from?: string;
  to?: string;
  /** Unsupported instead where the data spread over too many days. */
  hourly: (Volume & { time: string })[];
  evidence?: Evidence;
}

/** Conversations that may be this one's or another's, and the share without and with all of them. */
export interface Ambiguous {
  flows: number;
  low: number;
  high: number;
  interval?: { low: number | null; high: number | null; level: number };
}

export interface Service extends Volume {
  id: string;
  name: string;
  category: string;
  rank: number;
  rank_low?: number;
  /** null: at least that low */
  rank_high?: number | null;
  local_hosts: number;
  share: Estimate;
  octets_share?: Estimate;
  days?: number;
  basis: Record<string, number>;
  ambiguous_share?: number;
  ambiguous?: Ambiguous | null;
  reference?: { share: Estimate; ratio: Estimate } | null;
  hourly?: number[];
  evidence: Evidence;
}

export interface Category {
  id: string;
  name: string;
  share: Estimate;
  octets_share?: Estimate;
  ambiguous?: Ambiguous | null;
  flows: number;
  octets?: number;
  packets?: number;
  local_hosts: number;
  days?: number;
  daily?: number[];
  evidence: Evidence;
}

export interface Busy {
  from_hour: number;
  to_hour: number;
  from_low?: number;
  from_high?: number;
  to_low?: number;
  to_high?: number;
  days?: string;
  inside_mean?: Estimate;
  outside_mean?: Estimate;
  contrast?: Estimate;
}

export interface Rhythm {
  measure?: string;
  /** null where no day has data */
  matrix: (number | null)[][];
  profile?: { workdays: number[]; weekend: number[] };
  days_used?: number;
  busy: Section<Busy>;
  weekdays: {
    day: string;
    days?: number;
    mean: Estimate | null;
    rank: number;
    rank_low?: number;
    rank_high?: number;
  }[];
  diurnal: Section<{ strength: number; test: Test }>;
  utc_offset: Section<{
    minutes: number;
    low: number;
    high: number;
    declared_minutes: number;
    method?: string;
    weight?: string;
  }>;
}

export interface EventEffect {
  effect: Estimate;
  effect_sd?: Estimate;
  test: Test;
}

export interface EventTest {
  kind: string;
  n: number;
  before?: EventEffect;
  on?: EventEffect;
  after?: EventEffect;
  lags?: { day: number; effect: Estimate; p: number; p_adjusted?: number }[];
  any_lag?: Test;
  detectable?: { effect: number; effect_sd?: number; power: number };
  equivalence?: number | null;
  uncertain_dates?: number;
  sensitivity?: { day_shuffle_p?: number; weekday_shuffle_p?: number };
  dates_moved?: { days: number; p: number }[];
}

export interface Events {
  tests: EventTest[];
  verdict: string;
  /** log ratio of each day, null in gaps */
  series?: (number | null)[];
}

export interface Institution {
  name: string;
  kind: string;
  flows: number;
  local_hosts: number;
  days: number;
  evidence?: Evidence;
}

export interface Country {
  country: string;
  name?: string;
  flows: number;
  local_hosts?: number;
  days?: number;
  share: Estimate;
  share_adjusted?: Estimate;
  expected?: number | null;
  ratio?: Estimate | null;
  ratio_adjusted?: Estimate | null;
  shrunk_ratio?: Estimate | null;
  test?: Test | null;
  local_profile?: Record<string, number>;
  institutions?: Institution[];
  flagged?: boolean;
  evidence: Evidence;
}

export interface Presence {
  baseline: string | { kind: string; name: string; date?: string };
  adjusted_without?: string[];
  fdr?: number;
  unknown?: { flows: number; share: Estimate; evidence: Evidence };
  countries: Country[];
}

export interface Onset {
  subject: { kind: string; id: string };
  change: string;
  at: string;
  at_low: string;
  at_high: string;
  before: Estimate;
  after: Estimate;
  doubling_days: Estimate | null;
  test: Test;
  evidence: Evidence;
}

export interface Technique {
  technique: string;
  provider: string;
  flows: number;
  octets: number;
  local_hosts: number;
  days: number;
  share: Estimate;
  octets_share?: Estimate;
  basis?: Record<string, number>;
  networks?: { asn: number; name: string; flows: number; remote_hosts: number }[];
  networks_in_all?: number;
  evidence: Evidence;
}

export interface TorPair {
  local: string;
  relay: string;
  role: string;
  days_seen: number;
  first: string;
  last: string;
  longest_run: number;
  guard_policy: { normal: boolean; test: Test };
  evidence?: Evidence;
}

export interface Subscription {
  local: string;
  technique: string;
  provider: string;
  asn: number;
  network: string;
  days_seen: number;
  first: string;
  last: string;
  months: number;
  flows: number;
  evidence: Evidence;
}

export interface NotCounted {
  technique: string;
  why: string;
  flows: number;
  local_hosts: number;
  days: number;
  share: Estimate;
  evidence: Evidence;
}

export interface TorThenTorrents {
  local: string;
  tor_days: number;
  torrent_days: number;
  followed_days: number;
  test: Test;
  evidence: Evidence;
}

/** From a host of the population through a pivot to a far end. */
export interface Chain {
  local: string;
  hops: string[];
  octets: number;
  matched: number;
  flows_in: number;
  flows_out: number;
  first: string;
  last: string;
  test: Test & { expected: number };
  evidence: Evidence;
}

export interface Behind {
  id: string;
  name?: string;
  rank?: number;
  flows: number;
  octets?: number;
  days?: number;
  share?: Estimate;
  evidence?: Evidence;
}

export interface Pivot {
  label: string;
  prefix: string;
  from?: string;
  to?: string;
  from_date?: string | null;
  to_date?: string | null;
  flows?: number;
  octets?: number;
  days?: number;
  reached_by?: { local_hosts: number; flows: number; octets: number; evidence: Evidence } | null;
  services?: Behind[];
  categories?: Behind[];
  devices?: unknown;
  evidence?: Evidence;
}

export interface TimelineRow {
  /** start of the hour */
  time: string;
  local: string;
  service: string;
  role: string;
  flows: number;
  octets: number;
  first: string;
  last: string;
  evidence: Evidence;
}

export interface Timeline {
  label: string;
  subject: { kind: string; id: string };
  reason: string;
  from: string;
  to: string;
  flows: number;
  rows_in_all: number;
  rows: TimelineRow[];
  evidence: Evidence;
}

export interface Concealment {
  definition: string;
  definition_is?: string;
  share: Estimate;
  octets_share?: Estimate;
  flows?: number;
  local_hosts?: number;
  days?: number;
  evidence?: Evidence;
  techniques: Technique[];
  not_counted?: NotCounted[];
  at_most?: Estimate;
  subscriptions?: Section<Subscription[]>;
  tor?: TorPair[];
  tor_pairs?: number;
  tor_then_torrents?: TorThenTorrents[];
  tls?: unknown;
  chains?: Section<Chain[]>;
}

export interface FindingText {
  headline: string;
  statement: string;
  because?: string[];
  caveats?: string[];
  alternatives?: string[];
}

/** One conversation, as an example of a finding's evidence. */
export interface SampleRow {
  start: string;
  local: string;
  local_port: number;
  remote: string;
  remote_port: number;
  protocol: number;
  octets: number;
  service: string;
  name: string;
  country: string;
}

export interface Finding extends FindingText {
  id: string;
  section: string;
  likelihood: string | null;
  confidence: string | null;
  evidence?: Evidence | null;
  text?: Texts<FindingText>;
  sample?: SampleRow[];
}

export interface Judgements {
  rule: string;
  text?: Texts<{ rule: string }>;
  findings: string[];
}

export interface Model {
  schema: string;
  study: Study;
  provenance: Provenance;
  fidelity?: Section<Fidelity>;
  totals?: Section<Totals>;
  activity?: Section<Activity>;
  services?: Section<Service[]>;
  categories?: Section<Category[]>;
  rhythm?: Section<Rhythm>;
  events?: Section<Events>;
  presence?: Section<Presence>;
  concealment?: Section<Concealment>;
  onsets?: Section<Onset[]>;
  recon?: unknown;
  contacts?: unknown;
  devices?: unknown;
  pivots?: Section<Pivot[]>;
  compare?: unknown;
  timelines?: Section<Timeline[]>;
  findings?: Section<Finding[]>;
  judgements?: Section<Judgements>;
  /** The analyst's own words: Markdown by part and language, pictures as data URIs. */
  texts?: {
    parts: Record<string, Record<string, string>>;
    pictures: Record<string, string>;
  };
}

/** The section when it is there, else null. */
export function given<T>(section: Section<T>): T | null {
  return section && !isUnsupported(section) ? (section as T) : null;
}

export function isUnsupported(section: unknown): section is Unsupported {
  return (
    typeof section === 'object' &&
    section !== null &&
    typeof (section as Unsupported).unsupported === 'string'
  );
}
