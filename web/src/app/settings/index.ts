import { type BatchesConfig, batchesSettings } from './batches';
import { type FilesConfig, filesSettings } from './files';
import { type LensConfig, lensSettings } from './lens';
import { type ModesConfig, modesSettings } from './modes';
import { type PageConfig, pageSettings } from './page';
import { type PitfallConfig, pitfallSettings } from './pitfall';
import { type TrainConfig, trainSettings } from './train';

export * from './schema';

/** The whole state of the page that a link carries. */
export interface Config
  extends PageConfig,
    TrainConfig,
    FilesConfig,
    ModesConfig,
    LensConfig,
    BatchesConfig,
    PitfallConfig {}

const { view, ...page } = pageSettings;

/** Every setting of the page: controls, hash and tests are driven by this table alone. The order is the hash's. */
export const settings = {
  view,
  ...trainSettings,
  ...filesSettings,
  ...modesSettings,
  ...lensSettings,
  ...batchesSettings,
  ...pitfallSettings,
  ...page,
} as const;

export const settingKeys = Object.keys(settings) as (keyof Config)[];

export const defaults = Object.fromEntries(
  settingKeys.map((key) => [key, settings[key].default]),
) as unknown as Readonly<Config>;
