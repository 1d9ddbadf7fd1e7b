import { type Config, defaults, format, parse, type Setting, settingKeys, settings } from './settings';

/** Version of the hash's meaning. Links that carry another one are read as far as they can be. */
export const HASH_VERSION = 1;

export interface HashReading {
  config: Config;
  /** What in the hash could not be taken as it came, one sentence each. */
  problems: string[];
}

/** Reads `#v=1&norm=batch&…`. Keys that are missing take their default, keys that are unknown are passed over. */
export function readHash(hash: string): HashReading {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const config: Config = { ...defaults };
  const problems: string[] = [];
  const version = given.get('v');
  if (version !== null && version !== String(HASH_VERSION)) {
    problems.push(`This link is of version ${version.slice(0, 8)}; this page reads version ${HASH_VERSION}.`);
  }
  for (const key of settingKeys) {
    const text = given.get(key);
    if (text === null) continue;
    const setting: Setting = settings[key];
    const { value, problem } = parse(setting, text);
    Object.assign(config, { [key]: value });
    if (problem) problems.push(`${problem}; ${format(setting, value) || 'the first'} is used.`);
  }
  return { config, problems };
}

/** The hash that `readHash` turns into the same configuration. */
export function writeHash(config: Config): string {
  const parts = [`v=${HASH_VERSION}`];
  for (const key of settingKeys) {
    const setting: Setting = settings[key];
    const text = format(setting, config[key]);
    const needed =
      setting.always || text !== format(setting, setting.default) || (key === 'groups' && config.norm === 'group');
    // These are allowed in a fragment, and read better than %2C, %3A and %3B.
    if (needed) parts.push(`${key}=${encodeURIComponent(text).replace(/%(?:2C|3A|3B)/g, decodeURIComponent)}`);
  }
  return `#${parts.join('&')}`;
}
