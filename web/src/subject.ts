// SPDX-License-Identifier: Apache-2.0
// What a row is about, by its name in the sections of services, categories and countries.

import { countryName } from './atlas';
import type { Context } from './context';
import { given } from './model';

export interface Subject {
  kind: string;
  id: string;
}

export function subjectName(x: Context, { kind, id }: Subject): string {
  if (kind === 'service') return given(x.model.services)?.find((s) => s.id === id)?.name ?? id;
  if (kind === 'category') return given(x.model.categories)?.find((c) => c.id === id)?.name ?? id;
  if (kind !== 'country') return id;
  const known = given(x.model.presence)?.countries.find((c) => c.country === id)?.name;
  return known ?? countryName(id);
}
