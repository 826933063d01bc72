/** One of a few, each a button of a row. */

import { useId } from 'react';

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly { value: T; name: string }[];
  value: T;
  columns?: 2 | 3;
  onChange: (value: T) => void;
}

export function Choice<T extends string>({ label, options, value, columns = 2, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset className="min-w-0">
      <legend className="engraved mb-1">{label}</legend>
      <div
        className={`grid overflow-hidden rounded-md border border-line-strong ${columns === 3 ? 'grid-cols-3' : 'grid-cols-2'} gap-px bg-line`}
      >
        {options.map((option) => (
          <label
            key={option.value}
            className="flex min-h-8 items-center justify-center bg-raised px-1.5 text-center text-sm leading-tight hover:bg-sunken has-checked:bg-accent-wash has-checked:font-medium has-checked:text-accent-strong has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              className="sr-only"
            />
            {option.name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface SliderProps {
  label: string;
  min: number;
  max: number;
  step: number;
  value: number;
  /** The value in words. */
  text: string;
  onChange: (value: number) => void;
}

export function Slider({ label, min, max, step, value, text, onChange }: SliderProps) {
  const id = useId();
  return (
    <div className="flex flex-col">
      <div className="flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="engraved">
          {label}
        </label>
        <output htmlFor={id} className="text-sm text-muted">
          {text}
        </output>
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={text}
        onChange={(event) => onChange(event.currentTarget.valueAsNumber)}
        className="h-7 w-full accent-accent"
      />
    </div>
  );
}

export function Tick({
  label,
  checked,
  onChange,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label className="flex min-h-7 items-center gap-1.5">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
        className="size-4 accent-accent"
      />
      {label}
    </label>
  );
}
