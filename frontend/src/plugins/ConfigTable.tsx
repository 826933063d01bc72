/** Every value of a plugin's config: what it means, its range, its default. */

import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';
import { fieldsOf, rangeOf, type SchemaField } from './schema';

export function ConfigTable({ schema }: { schema: unknown }) {
  const fields = fieldsOf(schema);
  return (
    <Panel title="Config" flush>
      {fields.length === 0 ? <p className="p-4 text-muted">It has nothing to set.</p> : null}
      {fields.length > 0 ? (
        <Table caption="Config" stacks>
          <thead>
            <tr>
              <Head>Key</Head>
              <Head>Meaning</Head>
              <Head>Values</Head>
              <Head>Default</Head>
            </tr>
          </thead>
          <tbody>
            {fields.map((field) => (
              <tr key={field.key}>
                <Cell className="font-mono text-sm max-sm:mr-auto">{field.key}</Cell>
                <Cell className="max-sm:order-2 max-sm:w-full sm:min-w-64">{field.help.replaceAll('`', '')}</Cell>
                <Cell className="max-sm:order-3 max-sm:w-full max-sm:text-muted">{valuesOf(field)}</Cell>
                <Cell className="font-mono text-sm max-sm:text-muted">{defaultOf(field)}</Cell>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : null}
    </Panel>
  );
}

function valuesOf(field: SchemaField) {
  if (field.kind === 'switch') return 'true or false';
  if (field.kind !== 'choice') return rangeOf(field) || (field.kind === 'number' ? 'any number' : 'text');
  return (
    <ul className="flex flex-col gap-0.5">
      {field.choices.map(({ value, help }) => (
        <li key={value}>
          <code className="font-mono text-sm">{value}</code>
          {help ? <span className="text-sm text-muted"> {help.replaceAll('`', '')}</span> : null}
        </li>
      ))}
    </ul>
  );
}

function defaultOf({ defaultValue }: SchemaField): string {
  if (defaultValue === undefined) return 'none: to be set';
  return defaultValue === null
    ? 'not set'
    : Array.isArray(defaultValue)
      ? defaultValue.join(', ')
      : String(defaultValue);
}
