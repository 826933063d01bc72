/** A choice among few, side by side. */

import { useId } from 'react';

interface SegmentsProps<T extends string> {
  label: string;
  values: readonly { value: T; name: string }[];
  value: T;
  onChange: (value: T) => void;
}

export function Segments<T extends string>({ label, values, value, onChange }: SegmentsProps<T>) {
  const group = useId();
  return (
    <fieldset className="flex overflow-hidden rounded-md border border-line-strong">
      <legend className="sr-only">{label}</legend>
      {values.map((one) => (
        <label
          key={one.value}
          className={`flex min-h-8 cursor-pointer items-center border-line-strong px-3 text-sm not-last:border-r has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent ${
            one.value === value ? 'bg-accent-wash text-accent-strong' : 'hover:bg-sunken'
          }`}
        >
          <input
            type="radio"
            name={group}
            className="sr-only"
            checked={one.value === value}
            onChange={() => onChange(one.value)}
          />
          {one.name}
        </label>
      ))}
    </fieldset>
  );
}
