/** A form drawn from a plugin's schema: what is left empty is the default, which stands in the field. */

import { useState } from 'react';
import { Field } from '../ui/Field';
import { mistakeOf, rangeOf, readTyped, type SchemaField, typedOf, type Value } from './schema';

interface SchemaFormProps {
  fields: readonly SchemaField[];
  values: Readonly<Record<string, Value | undefined>>;
  /** Mistakes that the server found, by key. */
  mistakes: Readonly<Record<string, string>>;
  onChange: (key: string, value: Value | undefined) => void;
}

export function SchemaForm({ fields, values, mistakes, onChange }: SchemaFormProps) {
  return (
    <div className="grid gap-x-6 gap-y-5 md:grid-cols-2">
      {fields.map((field) => {
        const value = values[field.key];
        return (
          <Field
            key={field.key}
            label={<Name field={field} isChanged={value !== undefined && value !== field.defaultValue} />}
            hint={rangeOf(field)}
            help={<Help field={field} value={value} />}
            error={mistakeOf(field, value) ?? mistakes[field.key]}
          >
            {(control) => <Control field={field} value={value} control={control} onChange={onChange} />}
          </Field>
        );
      })}
    </div>
  );
}

function Name({ field, isChanged }: { field: SchemaField; isChanged: boolean }) {
  return (
    <>
      <span className="font-mono text-sm">{field.key}</span>
      {isChanged ? <span className="ml-2 text-xs font-normal text-accent-strong">changed</span> : null}
    </>
  );
}

function Help({ field, value }: { field: SchemaField; value: Value | undefined }) {
  const choice =
    field.kind === 'choice' ? field.choices.find((one) => one.value === (value ?? field.defaultValue)) : undefined;
  return (
    <>
      {plain(field.help)}
      {choice?.help ? <span className="block">{`${choice.value}: ${plain(choice.help)}`}</span> : null}
    </>
  );
}

/** Code marks of Markdown say nothing to people. */
function plain(help: string): string {
  return help.replaceAll('`', '');
}

interface ControlledProps {
  field: SchemaField;
  value: Value | undefined;
  control: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': true | undefined };
  onChange: (key: string, value: Value | undefined) => void;
}

function Control({ field, value, control, onChange }: ControlledProps) {
  const shownDefault = typedOf(field.defaultValue);
  if (field.kind === 'choice') {
    return (
      <select
        {...control}
        className="control"
        value={typedOf(value ?? field.defaultValue)}
        onChange={(event) => onChange(field.key, event.target.value)}
      >
        {field.choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.value === shownDefault ? `${choice.value} (default)` : choice.value}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === 'switch') {
    return (
      <input
        {...control}
        type="checkbox"
        role="switch"
        aria-checked={(value ?? field.defaultValue) === true}
        className="size-4.5 accent-accent"
        checked={(value ?? field.defaultValue) === true}
        onChange={(event) => onChange(field.key, event.target.checked)}
      />
    );
  }
  return <TypedInput field={field} value={value} control={control} onChange={onChange} />;
}

/** Keeps what is typed as it is typed: `0.` is on its way to `0.5`. */
function TypedInput({ field, value, control, onChange }: ControlledProps) {
  const [typed, setTyped] = useState(() => typedOf(value));
  const isOurs = JSON.stringify(readTyped(field, typed)) === JSON.stringify(value);
  return (
    <input
      {...control}
      className={`control ${control['aria-invalid'] ? 'border-bad' : ''}`}
      inputMode={field.kind === 'number' ? (field.isInteger ? 'numeric' : 'decimal') : 'text'}
      autoComplete="off"
      spellCheck={false}
      placeholder={typedOf(field.defaultValue) || 'none'}
      value={isOurs ? typed : typedOf(value)}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(field.key, readTyped(field, event.target.value));
      }}
    />
  );
}
