import type { Failure } from '../../../worker/protocol';
import { ChoiceField } from '../../components/ChoiceField';
import { NormGlyph } from '../../components/NormGlyph';
import { NumberField } from '../../components/NumberField';
import { settings } from '../../settings';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { remedyOf } from './explain-lens';
import { lensOf, questionOf } from './lens';

/** Which layer it is; `failure`: why none could be made. */
export function LensNorms({ lab, failure }: { lab: LabModel; failure: Failure | null }) {
  const config = lab.config.value;
  const { label, help, choices } = settings.lensNorm;
  const chosen = choices.find(({ value }) => value === config.lensNorm);
  const refusal =
    failure && /group/i.test(failure.message)
      ? `${plainMessage(failure)}. ${remedyOf(failure, questionOf(config, lensOf(lab).chosen.value))}`
      : undefined;
  return (
    <section class="norm-section">
      <fieldset class="norm-picker" aria-describedby="help-lensNorm">
        <legend>{label}</legend>
        <p class="help" id="help-lensNorm">
          {help} Rows are the images of a batch, columns the channels.
        </p>
        <div class="norm-cards">
          {choices.map((choice) => (
            <label key={choice.value} class="norm-card" data-norm={choice.value}>
              <input
                type="radio"
                name="lensNorm"
                value={choice.value}
                checked={choice.value === config.lensNorm}
                aria-describedby={`help-lensNorm-${choice.value}`}
                onChange={() => lab.set('lensNorm', choice.value)}
              />
              <NormGlyph norm={choice.value} />
              <span class="norm-name">{choice.label}</span>
              <span class="norm-help" id={`help-lensNorm-${choice.value}`} aria-hidden="true">
                {choice.help}
              </span>
            </label>
          ))}
        </div>
        <p class="norm-chosen" aria-hidden="true">
          {chosen?.label}: {chosen?.help}.
        </p>
      </fieldset>
      {config.lensNorm === 'group' && <NumberField lab={lab} name="lensGroups" error={refusal} />}
      <ChoiceField lab={lab} name="lensMode" />
    </section>
  );
}
