/** The mark: a camera's frustum. */

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className="size-6 text-accent">
      <path
        d="M5 16 22 6v20Z M22 6l5 5v10l-5 5"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinejoin="round"
      />
      <circle cx="5" cy="16" r="3" fill="currentColor" />
    </svg>
  );
}
