import { HASH_VERSION } from '../app/hash';
import { type Config, type Setting, settingKeys, settings } from '../app/settings';
import { lensSettings } from '../app/settings/lens';
import { modesSettings } from '../app/settings/modes';
import { trainSettings } from '../app/settings/train';
import type { ViewId } from '../app/views';

/** The settings that only one view has; an attribute means that of the view that is shown. */
const own: Partial<Record<ViewId, object>> = { lens: lensSettings, train: trainSettings, modes: modesSettings };

const attributeOf = (key: keyof Config) => (settings[key] as Setting).attribute;

/** The attributes that are settings, such as `batch-size`. */
export const settingAttributes = [...new Set(settingKeys.flatMap((key) => attributeOf(key) ?? []))];

/** The setting that an attribute is in a view; undefined where the view has none of it. */
export function settingOf(attribute: string, view: string): keyof Config | undefined {
  const found = settingKeys.filter((key) => attributeOf(key) === attribute);
  const elsewhere = (key: string) => Object.values(own).some((table) => key in table);
  return found.find((key) => key in (own[view as ViewId] ?? {})) ?? found.find((key) => !elsewhere(key));
}

/** The hash of a state with attributes in place of what it says of them. */
export function withAttributes(state: string, attributes: Readonly<Record<string, string | null>>): string {
  const hash = new URLSearchParams(state.replace(/^#/, ''));
  if (!hash.has('v')) hash.set('v', String(HASH_VERSION));
  const view = attributes.view ?? hash.get('view') ?? settings.view.default;
  for (const [attribute, value] of Object.entries(attributes)) {
    const key = settingOf(attribute, view);
    if (key && value !== null) hash.set(key, value);
  }
  return `#${hash}`;
}
