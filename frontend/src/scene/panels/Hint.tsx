/** For who sees a scene for the first time: what the pointer does, until it has done something. */

export function Hint() {
  return (
    <p className="pointer-events-none! max-w-md rounded-md border border-line bg-raised px-3 py-1.5 text-center text-sm text-balance text-muted shadow-float">
      <span className="[@media(hover:none)]:hidden">Drag to turn, scroll to come nearer. </span>
      <span className="[@media(hover:hover)]:hidden">Drag to turn, pinch to come nearer. </span>
      Choose a camera to look through it, a point to see its photos.
    </p>
  );
}
