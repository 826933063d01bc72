/** How points are drawn: one material for all nodes, coloured on the graphics card. */

import { ClampToEdgeWrapping, DataTexture, GLSL3, LinearFilter, RawShaderMaterial, Vector2, Vector4 } from 'three';
import { rampBytes } from './ramp';

const RAMP_STEPS = 256;

/** `position.w` and `tint.w` are the error and the track length; see `docs/tiles.md` for their units. */
const VERTEX = `
precision highp float;
in vec4 position;
in vec4 tint;
uniform mat4 modelMatrix;
uniform mat4 viewMatrix;
uniform mat4 projectionMatrix;
uniform int mode;
uniform vec2 range;
uniform vec4 section;
uniform float pointSize;
uniform float nearDepth;
uniform sampler2D ramp;
out vec3 colour;

void main() {
  vec4 shown = modelMatrix * vec4(position.xyz, 1.0);
  if (dot(section.xyz, shown.xyz) + section.w < 0.0) {
    gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  vec4 seen = viewMatrix * shown;
  gl_Position = projectionMatrix * seen;
  // near points are farther apart: larger, they still look like a surface
  gl_PointSize = pointSize * clamp(nearDepth / max(-seen.z, 1e-9), 1.0, 4.0);
  float value = mode == 1 ? shown.y : mode == 2 ? position.w * 65535.0 / 1024.0 : tint.w * 255.0;
  float share = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
  colour = mode == 0 ? tint.rgb : texture(ramp, vec2(share, 0.5)).rgb;
  if (mode == 2 && position.w > 0.99999) colour = vec3(0.5);
}`;

const FRAGMENT = `
precision mediump float;
in vec3 colour;
uniform bool isRound;
out vec4 drawn;

void main() {
  vec2 off = gl_PointCoord - 0.5;
  if (isRound && dot(off, off) > 0.25) discard;
  drawn = vec4(colour, 1.0);
}`;

export interface CloudUniforms {
  mode: { value: number };
  range: { value: Vector2 };
  /** Plane in the shown frame, positive where points stay. */
  section: { value: Vector4 };
  /** Device px. */
  pointSize: { value: number };
  /** Depth below which points grow. */
  nearDepth: { value: number };
  isRound: { value: boolean };
  ramp: { value: DataTexture };
}

/** No plane: everything lies inside. */
export const NO_SECTION = new Vector4(0, 0, 0, 1);

export function makeCloudMaterial(): { material: RawShaderMaterial; uniforms: CloudUniforms } {
  const ramp = new DataTexture(rampBytes(RAMP_STEPS), RAMP_STEPS, 1);
  ramp.minFilter = LinearFilter;
  ramp.magFilter = LinearFilter;
  ramp.wrapS = ClampToEdgeWrapping;
  ramp.needsUpdate = true;
  const uniforms: CloudUniforms = {
    mode: { value: 0 },
    range: { value: new Vector2(0, 1) },
    section: { value: NO_SECTION.clone() },
    pointSize: { value: 2 },
    nearDepth: { value: 1 },
    isRound: { value: false },
    ramp: { value: ramp },
  };
  const material = new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    uniforms: { ...uniforms },
  });
  return { material, uniforms };
}
