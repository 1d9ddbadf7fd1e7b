import type { LabModel } from '../state/lab';

/** What in the link could not be taken as it came. */
export function Problems({ lab }: { lab: LabModel }) {
  const problems = lab.problems.value;
  if (problems.length === 0) return null;
  return (
    <section class="notice" aria-label="Notes on this link">
      <ul>
        {problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
      <button type="button" class="quiet" onClick={() => lab.dismissProblems()}>
        Dismiss
      </button>
    </section>
  );
}
