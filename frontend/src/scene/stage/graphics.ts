/** What draws here: a graphics card, the processor in its place, or nothing. */

export interface Graphics {
  /** Whether WebGL 2 is there at all. */
  canDraw: boolean;
  /** Drawn by the processor: fewer points a frame, no smoothing. */
  isSoftware: boolean;
}

let known: Graphics | undefined;

export function graphics(): Graphics {
  known ??= probe();
  return known;
}

function probe(): Graphics {
  const context = document.createElement('canvas').getContext('webgl2');
  if (!context) return { canDraw: false, isSoftware: false };
  const named = context.getExtension('WEBGL_debug_renderer_info');
  const renderer = String(context.getParameter(named ? named.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  // browsers allow few contexts at once
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return { canDraw: true, isSoftware: /swiftshader|llvmpipe|software|basic render/i.test(renderer) };
}

/** Points that are drawn at most, and in the first frame. */
export function pointLimits({ isSoftware }: Graphics): { max: number; first: number } {
  return isSoftware ? { max: 2_000_000, first: 120_000 } : { max: 6_000_000, first: 1_500_000 };
}
