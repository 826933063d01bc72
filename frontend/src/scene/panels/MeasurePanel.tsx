/** What is measured, and how long it really is. */

import { type FormEvent, useId, useState } from 'react';
import { Button } from '../../ui/Button';
import { formatLength, parseLength, scaleFrom } from '../view/measure';
import type { ViewState } from '../view/viewState';

interface MeasurePanelProps {
  view: ViewState;
  /** Of what is measured, shown units. */
  units: number | null;
  isMeasuring: boolean;
  onMeasuring: (isMeasuring: boolean) => void;
  onChange: (change: Partial<ViewState>) => void;
}

export function MeasurePanel({ view, units, isMeasuring, onMeasuring, onChange }: MeasurePanelProps) {
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <Button
          aria-pressed={isMeasuring}
          kind={isMeasuring ? 'primary' : 'plain'}
          onClick={() => onMeasuring(!isMeasuring)}
        >
          {isMeasuring ? 'Done' : 'Measure'}
        </Button>
        {view.measured.length > 0 ? (
          <Button kind="quiet" onClick={() => onChange({ measured: [] })}>
            Clear
          </Button>
        ) : null}
      </div>
      <p className="text-sm text-muted">{hint(isMeasuring, view.measured.length)}</p>
      {units !== null ? (
        <>
          <p>
            <span className="engraved block">Length</span>
            <span className="text-lg font-medium">{formatLength(units, view.metresPerUnit)}</span>
          </p>
          <ScaleForm units={units} onChange={onChange} />
        </>
      ) : null}
      {view.metresPerUnit !== null ? (
        <Button kind="quiet" className="self-start" onClick={() => onChange({ metresPerUnit: null })}>
          Forget the scale
        </Button>
      ) : null}
    </>
  );
}

function hint(isMeasuring: boolean, numEnds: number): string {
  if (isMeasuring) return numEnds === 1 ? 'Click the other end.' : 'Click a point at each end of what you measure.';
  return 'Photos alone tell no scale: measure something whose length you know, then say how long it is.';
}

function ScaleForm({ units, onChange }: { units: number; onChange: MeasurePanelProps['onChange'] }) {
  const id = useId();
  const [text, setText] = useState('');
  const [isWrong, setIsWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const metres = parseLength(text);
    const metresPerUnit = metres === null ? null : scaleFrom(units, metres);
    setIsWrong(metresPerUnit === null);
    if (metresPerUnit === null) return;
    onChange({ metresPerUnit });
    setText('');
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-1">
      <label htmlFor={id} className="engraved">
        It is really
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          placeholder="2.5 m"
          aria-invalid={isWrong}
          aria-describedby={isWrong ? `${id}-wrong` : undefined}
          className="control min-w-0"
        />
        <Button type="submit">Set</Button>
      </div>
      {isWrong ? (
        <p id={`${id}-wrong`} role="alert" className="text-sm text-bad">
          Expected a length like 2.5 m, 30 cm or 8 ft.
        </p>
      ) : null}
    </form>
  );
}
