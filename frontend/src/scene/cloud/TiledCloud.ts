/** The points of a scene as three's objects: each frame draws the nodes that matter, fetches those that lack, drops the rest. */

import { BufferAttribute, BufferGeometry, Frustum, Group, Matrix4, type PerspectiveCamera, Points } from 'three';
import { apply, compose, inverse, matrixOf, type Similarity } from '../frames';
import type { Drawn } from '../pick/pickPoint';
import { NodeStore, type Unpack } from '../tiles/NodeStore';
import type { OctreeNode } from '../tiles/octree';
import type { NodePoints } from '../tiles/payload';
import { type Eye, type Plane, type Selection, selectNodes } from '../tiles/selection';
import type { TilesFile } from '../tiles/TilesFile';
import { sub } from '../vec';
import { heightRange } from './heights';
import { makeCloudMaterial } from './material';

/** Points closer together than this add nothing that is seen. */
const MIN_SPACING_PX = 1.1;
/** Kept beyond what is drawn, so that looking back fetches nothing. */
const KEPT_SHARE = 1.5;

interface Events {
  /** Another frame would show or fetch more. */
  onChange: () => void;
  onFailures: (count: number) => void;
}

export class TiledCloud {
  readonly group = new Group();
  readonly uniforms;
  private readonly material;
  private readonly store: NodeStore;
  private readonly objects = new Map<OctreeNode, Points>();
  private shownFromWorld: Similarity = { scale: 1, rotation: [1, 0, 0, 0], translation: [0, 0, 0] };
  private drawn: OctreeNode[] = [];
  private heights: { numNodes: number; range: readonly [number, number] } | null = null;

  constructor(
    private readonly file: TilesFile,
    unpack: Unpack,
    maxPoints: number,
    events: Events,
  ) {
    const { material, uniforms } = makeCloudMaterial();
    this.material = material;
    this.uniforms = uniforms;
    this.group.matrixAutoUpdate = false;
    this.store = new NodeStore(file, {
      unpack,
      maxPoints: maxPoints * KEPT_SHARE,
      onLoad: (node, points) => {
        this.addObject(node, points);
        events.onChange();
      },
      onDrop: (node) => this.removeObject(node),
      onLater: events.onChange,
      onFailures: events.onFailures,
    });
  }

  /** Where the points stand from now on. */
  place(shownFromWorld: Similarity) {
    this.shownFromWorld = shownFromWorld;
    const { center } = this.file.index.core;
    // coordinates near zero keep their digits in the card's single precision
    const worldFromCore: Similarity = { scale: 1, rotation: [1, 0, 0, 0], translation: center };
    this.group.matrix.fromArray(matrixOf(compose(shownFromWorld, worldFromCore)));
    this.group.matrixWorldNeedsUpdate = true;
    this.uniforms.nearDepth.value = 0.25 * this.file.index.core.extent * shownFromWorld.scale;
    this.heights = null;
  }

  /** Chooses what is drawn for a camera of the shown frame. */
  update(camera: PerspectiveCamera, heightPx: number, maxPoints: number): Selection {
    const eye = this.eyeOf(camera, heightPx);
    const isLoaded = (node: OctreeNode) => this.objects.has(node);
    const selection = selectNodes(this.file.root, eye, { maxPoints, minSpacingPx: MIN_SPACING_PX }, isLoaded);
    this.store.update(selection.draw, selection.want);
    for (const node of this.drawn) this.show(node, false);
    for (const node of selection.draw) this.show(node, true);
    this.drawn = selection.draw;
    return selection;
  }

  get numLoadedPoints(): number {
    return this.store.numLoadedPoints;
  }

  /** For picking. */
  get drawnPoints(): Drawn[] {
    return this.drawn.flatMap((node) => {
      const points = this.store.get(node);
      return points ? [{ node, points }] : [];
    });
  }

  /** Heights of nearly all points in the shown frame, by those that are there; more nodes tell more. */
  get heightRange(): readonly [number, number] | null {
    const numNodes = this.objects.size;
    if (numNodes === 0) return null;
    if (this.heights === null || numNodes >= 2 * this.heights.numNodes) {
      this.heights = { numNodes, range: heightRange(this.drawnPoints, this.shownFromWorld) };
    }
    return this.heights.range;
  }

  retry() {
    this.store.retry();
  }

  close() {
    this.store.close();
    this.material.dispose();
    this.uniforms.ramp.value.dispose();
  }

  private show(node: OctreeNode, isVisible: boolean) {
    const object = this.objects.get(node);
    if (object) object.visible = isVisible;
  }

  private addObject(node: OctreeNode, points: NodePoints) {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(points.places, 4, true));
    geometry.setAttribute('tint', new BufferAttribute(points.tints, 4, true));
    const object = new Points(geometry, this.material);
    object.position.set(...sub(node.min, this.file.index.core.center));
    object.scale.setScalar(node.size);
    object.visible = false;
    // the octree culls
    object.frustumCulled = false;
    this.objects.set(node, object);
    this.group.add(object);
  }

  private removeObject(node: OctreeNode) {
    const object = this.objects.get(node);
    if (!object) return;
    object.geometry.dispose();
    this.group.remove(object);
    this.objects.delete(node);
  }

  /** The camera in the world frame of the model, where the nodes are. */
  private eyeOf(camera: PerspectiveCamera, heightPx: number): Eye {
    camera.updateMatrixWorld();
    const world_from_shown = inverse(this.shownFromWorld);
    const viewed = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
    viewed.multiply(new Matrix4().fromArray(matrixOf(this.shownFromWorld)));
    const planes = new Frustum().setFromProjectionMatrix(viewed).planes.map((plane): Plane => {
      const { x, y, z } = plane.normal;
      return [x, y, z, plane.constant];
    });
    const { x, y, z } = camera.position;
    const pxPerUnit = heightPx / (2 * Math.tan((camera.fov * Math.PI) / 360));
    return { position: apply(world_from_shown, [x, y, z]), planes, pxPerUnit };
  }
}
