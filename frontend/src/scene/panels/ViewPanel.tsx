/** How the scene is shown: colours, sizes, what else is drawn, what is up, where it is cut. */

import { useId } from 'react';
import { COLOUR_NAMES, type Colouring } from '../cloud/colouring';
import type { Up } from '../frames';
import { UPS } from '../frames';
import {
  COLOURS,
  MAX_SECTION,
  POINT_SIZES,
  pointSizeOf,
  type Section as SectionState,
  type ViewState,
} from '../view/viewState';
import { Choice, Slider, Tick } from './Choice';
import { Legend } from './Legend';
import { Section } from './Section';

const AXES = [
  { value: 'y', name: 'Height' },
  { value: 'x', name: 'Width' },
  { value: 'z', name: 'Depth' },
] as const;

const SIDES: Record<'x' | 'y' | 'z', { below: string; above: string }> = {
  x: { below: 'Keep left', above: 'Keep right' },
  y: { below: 'Keep below', above: 'Keep above' },
  z: { below: 'Keep back', above: 'Keep front' },
};

export const FIRST_SECTION: SectionState = { axis: 1, at: 0, keep: 'below' };

interface PanelProps {
  view: ViewState;
  colouring: Colouring;
  /** Of the scene. */
  numPoints: number;
  onChange: (change: Partial<ViewState>) => void;
}

export function ViewPanel({ view, colouring, numPoints, onChange }: PanelProps) {
  const up = useId();
  const pointSize = pointSizeOf(view, numPoints);
  return (
    <>
      <Section title="View" open>
        <Choice
          label="Colour by"
          options={COLOURS.map((value) => ({ value, name: COLOUR_NAMES[value] }))}
          value={view.colour}
          onChange={(colour) => onChange({ colour })}
        />
        {colouring.legend ? <Legend legend={colouring.legend} /> : null}
        <Slider
          label="Point size"
          {...POINT_SIZES}
          step={0.5}
          value={pointSize}
          text={`${pointSize} px`}
          onChange={(wanted) => onChange({ pointSize: wanted })}
        />
        <div className="flex flex-wrap gap-x-2.5">
          <Tick label="Cameras" checked={view.cameras} onChange={(cameras) => onChange({ cameras })} />
          <Tick label="Photos" checked={view.photos} onChange={(photos) => onChange({ photos })} />
          <Tick label="Grid" checked={view.grid} onChange={(grid) => onChange({ grid })} />
        </div>
        <div className="flex flex-col gap-1">
          <label htmlFor={up} className="engraved">
            Up
          </label>
          <select
            id={up}
            value={view.up}
            onChange={(event) => onChange({ up: event.currentTarget.value as Up, eye: null })}
            className="control"
          >
            {UPS.map((value) => (
              <option key={value} value={value}>
                {value === 'cameras'
                  ? 'As the cameras were held'
                  : `${value.replace('-', '−').toUpperCase()} of the model`}
              </option>
            ))}
          </select>
        </div>
      </Section>
      <Section title="Section" open={view.section !== null}>
        <SectionControls section={view.section} onChange={(section) => onChange({ section })} />
      </Section>
    </>
  );
}

function SectionControls({
  section,
  onChange,
}: {
  section: SectionState | null;
  onChange: (section: SectionState | null) => void;
}) {
  if (!section) return <Tick label="Cut the scene open" checked={false} onChange={() => onChange(FIRST_SECTION)} />;
  const letter = AXES.find(({ value }) => 'xyz'.indexOf(value) === section.axis)?.value ?? 'y';
  return (
    <>
      <Tick label="Cut the scene open" checked onChange={() => onChange(null)} />
      <Choice
        label="Across"
        columns={3}
        options={AXES}
        value={letter}
        onChange={(value) => onChange({ ...section, axis: 'xyz'.indexOf(value) as SectionState['axis'] })}
      />
      <Slider
        label="Position"
        min={-MAX_SECTION}
        max={MAX_SECTION}
        step={0.005}
        value={section.at}
        text={`${Math.round(section.at * 100)} %`}
        onChange={(at) => onChange({ ...section, at })}
      />
      <Choice
        label="Side"
        options={(['below', 'above'] as const).map((value) => ({ value, name: SIDES[letter][value] }))}
        value={section.keep}
        onChange={(keep) => onChange({ ...section, keep })}
      />
    </>
  );
}
