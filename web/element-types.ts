import { fileURLToPath } from 'node:url';
import { type Alias, type Plugin, runnerImport } from 'vite';
import type { Choice, Setting } from './src/app/settings/schema.ts';

const SETTINGS = fileURLToPath(new URL('src/app/settings/index.ts', import.meta.url));

/** What belongs to no view's settings. */
const OWN = `  /** All other settings: the hash of a link to the playground. The other attributes go before it. */
  state?: string;
  /** \`auto\` follows the page. */
  theme?: 'auto' | 'light' | 'dark';
  /** \`lazy\`: when it nears the window. */
  loading?: 'lazy' | 'eager';
  /** Plays while it is in sight, where motion is wanted. */
  autoplay?: boolean | '';
`;

/** The attributes that are settings, typed by all settings that are this attribute in one view or another. */
function attributes(settings: Setting[]): string {
  const names = new Set(settings.flatMap(({ attribute }) => attribute ?? []));
  return [...names]
    .map((name) => {
      const same = settings.filter(({ attribute }) => attribute === name);
      const [{ label, help }] = same as [Setting];
      const types = new Set(same.flatMap(typesOf));
      return `  /** ${label}. ${help} */\n  '${name}'?: ${[...types].join(' | ')};\n`;
    })
    .join('');
}

function typesOf(setting: Setting): string[] {
  const values = setting.kind === 'choice' ? (setting.choices as readonly Choice<string | number>[]) : [];
  const texts = values.filter(({ value }) => typeof value === 'string').map(({ value }) => `'${value}'`);
  return texts.length > 0 ? texts : ['Numeric'];
}

const index = (settings: Setting[]) => `import './jsx.js';

export { NormLabElement } from './element.js';
export type { Events } from './events.js';

/** HTML has numbers as text. */
type Numeric = number | \`\${number}\`;

/** The attributes of \`<norm-lab>\`. */
export interface NormLabAttributes {
${attributes(settings)}${OWN}}
`;

/** A package that is not there is nothing to add to, and no error; so nothing in the file is. */
const JSX = `// @ts-nocheck Of Preact and React a project has one, or neither.
import type { Events, NormLabAttributes, NormLabElement } from './index.js';

type Listeners = { [Type in keyof Events as \`on\${Type}\`]?: (event: CustomEvent<Events[Type]>) => void };

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'norm-lab': NormLabAttributes & Listeners & import('preact').HTMLAttributes<NormLabElement>;
    }
  }
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'norm-lab': NormLabAttributes &
        Listeners &
        import('react').DetailedHTMLProps<import('react').HTMLAttributes<NormLabElement>, NormLabElement>;
    }
  }
}
`;

/** Types of the element for HTML and JSX, beside those that TypeScript makes of its class and events. */
export function elementTypes(alias: Alias[]): Plugin {
  return {
    name: 'normlab-element-types',
    applyToEnvironment: ({ name }) => name === 'client',
    async generateBundle() {
      const { module } = await runnerImport<{ settings: object }>(SETTINGS, { configFile: false, resolve: { alias } });
      const settings = Object.values(module.settings) as Setting[];
      this.emitFile({ type: 'asset', fileName: 'index.d.ts', source: index(settings) });
      this.emitFile({ type: 'asset', fileName: 'jsx.d.ts', source: JSX });
    },
  };
}
