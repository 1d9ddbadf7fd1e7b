import type { PitfallId } from '../../settings/pitfall';

/** What is said about a pitfall; what is computed for it is the worker's. */
export interface Scenario {
  id: PitfallId;
  /** As somebody who has it would put it. */
  symptom: string;
  cause: string;
  /** MathML, in the pieces between which its line may break. */
  formula?: string[];
  /** What the button does. */
  fix: string;
  /** Where others have met it. */
  links: { href: string; label: string }[];
  /** PyTorch code. */
  wrong: string;
  right: string;
}

export interface Group {
  title: string;
  scenarios: Scenario[];
}

export const github = (path: string) => ({
  href: `https://github.com/${path}`,
  label: path.replace(/\/(issues|pull)\//, ' #'),
});

export const arxiv = (number: string, title: string) => ({
  href: `https://arxiv.org/abs/${number}`,
  label: `${title}, arXiv ${number}`,
});
