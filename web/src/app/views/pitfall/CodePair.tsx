import { CopyButton } from '../../components/CopyButton';
import type { Scenario } from './scenario';

/** The mistake and its remedy in PyTorch. */
export function CodePair({ scenario }: { scenario: Scenario }) {
  return (
    <section class="layers" aria-labelledby="code-title">
      <h2 id="code-title">In PyTorch</h2>
      <div class="codes">
        <Code title="Wrong" text={scenario.wrong} />
        <Code title="Right" text={scenario.right} />
      </div>
    </section>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  return (
    <div class="code" data-fine={title === 'Right'}>
      <header>
        <h3>{title}</h3>
        <CopyButton label={`Copy ${title.toLowerCase()} code`} text={() => text} />
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section class="code-box" tabIndex={0} aria-label={`${title} code`}>
        <pre>
          <code>{text}</code>
        </pre>
      </section>
    </div>
  );
}
