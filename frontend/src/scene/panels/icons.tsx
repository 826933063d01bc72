/** Small pictures of the viewer's tools, as those of the page: one stroke on a grid of 16. */

const PATHS = {
  back: 'M13 8H3M7 4 3 8l4 4',
  panel: 'M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6M10.2 3v3M5.8 10v3',
  home: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10M6 8a2 2 0 1 0 4 0 2 2 0 0 0-4 0',
  measure: 'm2 10.5 8.5-8.5 3.5 3.5L5.5 14ZM4.5 8l1.5 1.5M6.5 6l2 2M8.5 4l1.5 1.5',
  section: 'M3 5.5 8 3l5 2.5v5L8 13l-5-2.5ZM1.5 9.5l13-4',
  capture: 'M2 5h2.5l1-1.5h5l1 1.5H14v8H2ZM5.8 8.8a2.2 2.2 0 1 0 4.4 0 2.2 2.2 0 0 0-4.4 0',
  link: 'M6.5 9.5a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.5 6.5a2.6 2.6 0 0 0-3.7 0L3.5 8.8a2.6 2.6 0 0 0 3.7 3.7l.8-.8',
  full: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  help: 'M6 6a2 2 0 1 1 2.8 1.9c-.5.3-.8.6-.8 1.3M8 11.6v.01M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8',
} as const;

export function ToolIcon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg
      viewBox="0 0 16 16"
      aria-hidden="true"
      className="size-4.5 shrink-0"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.3"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
