import { settings } from '../settings';
import { isAboutNorm } from '../state/explain';
import { advice, type LabModel } from '../state/lab';
import { ChoiceField } from './ChoiceField';
import { FlagField } from './FlagField';
import { NormGlyph } from './NormGlyph';

export function NormPicker({ lab }: { lab: LabModel }) {
  const { form } = lab;
  const { norm } = form.config.value;
  const { label, help, choices } = settings.norm;
  const chosen = choices.find(({ value }) => value === norm);
  const { failure } = lab.chosen.value.progress.value;
  const misfit = failure && isAboutNorm(failure);
  return (
    <section class="norm-section">
      <fieldset class="norm-picker" aria-describedby="help-norm">
        <legend>{label}</legend>
        <p class="help" id="help-norm">
          {help} Rows are the images of a batch, columns the channels.
        </p>
        <div class="norm-cards">
          {choices.map((choice) => (
            <label key={choice.value} class="norm-card" data-norm={choice.value}>
              <input
                type="radio"
                name="norm"
                value={choice.value}
                checked={choice.value === norm}
                aria-describedby={`help-norm-${choice.value}`}
                onChange={() => form.set('norm', choice.value)}
              />
              <NormGlyph norm={choice.value} />
              <span class="norm-name">{choice.label}</span>
              <span class="norm-help" id={`help-norm-${choice.value}`} aria-hidden="true">
                {choice.help}
              </span>
            </label>
          ))}
        </div>
        {misfit && (
          <p class="error" role="alert">
            {advice(lab, failure)}
          </p>
        )}
        <p class="norm-chosen" aria-hidden="true">
          {chosen?.label}: {chosen?.help}.
        </p>
      </fieldset>
      {norm === 'group' && <ChoiceField lab={form} name="groups" />}
      {norm === 'batch' && <FlagField lab={form} name="renorm" />}
    </section>
  );
}
