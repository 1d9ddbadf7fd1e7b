import { theme, toggleTheme } from '../state/theme';
import { NormGlyph } from './NormGlyph';

export function Header() {
  return (
    <header class="masthead">
      <span class="brand">
        <span class="brand-mark" aria-hidden="true">
          <NormGlyph norm="batch" />
          <NormGlyph norm="layer" />
          <NormGlyph norm="group" />
        </span>
        <h1>Normlab</h1>
      </span>
      <p class="tagline">
        What normalization layers do, seen by running them: a real network, real images, trained in this tab.
      </p>
      <button type="button" class="quiet" aria-pressed={theme.value === 'dark'} onClick={toggleTheme}>
        Dark theme
      </button>
    </header>
  );
}
