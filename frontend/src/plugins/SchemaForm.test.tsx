/** A form of a schema, as it is used. */

import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { SchemaForm } from './SchemaForm';
import { fieldsOf, type Value } from './schema';

const FIELDS = fieldsOf({
  properties: {
    threshold: { type: 'number', minimum: 0, maximum: 1, default: 0.2, description: 'Share that must fit.' },
    mode: { type: 'string', enum: ['fast', 'exact'], default: 'fast' },
    mutual: { type: 'boolean', default: true },
  },
});

let values: Record<string, Value | undefined> = {};

function Form({ mistakes = {} }: { mistakes?: Record<string, string> }) {
  const [held, setHeld] = useState<Record<string, Value | undefined>>({});
  values = held;
  return (
    <SchemaForm
      fields={FIELDS}
      values={held}
      mistakes={mistakes}
      onChange={(key, value) => setHeld({ ...held, [key]: value })}
    />
  );
}

test('decimals can be typed digit by digit, and emptied again', async () => {
  render(<Form />);
  const input = screen.getByLabelText('threshold');
  expect(input).toHaveAttribute('placeholder', '0.2');
  await userEvent.type(input, '0.05');
  expect(input).toHaveValue('0.05');
  expect(values['threshold']).toBe(0.05);
  await userEvent.clear(input);
  expect(values['threshold']).toBeUndefined();
});

test('a mistake stands at its field and is read out with it', async () => {
  render(<Form mistakes={{ mode: 'the server says no' }} />);
  await userEvent.type(screen.getByLabelText('threshold'), '7');
  const input = screen.getByLabelText(/threshold/);
  expect(input).toBeInvalid();
  expect(input).toHaveAccessibleDescription(/expected a number, 0 to 1.*Share that must fit/);
  expect(screen.getByLabelText('mode')).toHaveAccessibleDescription(/the server says no/);
});

test('choices and switches begin at their defaults', async () => {
  render(<Form />);
  expect(screen.getByLabelText('mode')).toHaveValue('fast');
  await userEvent.selectOptions(screen.getByLabelText('mode'), 'exact');
  await userEvent.click(screen.getByRole('switch', { name: 'mutual' }));
  expect(values).toEqual({ mode: 'exact', mutual: false });
});
