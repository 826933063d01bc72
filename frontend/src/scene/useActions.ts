/** What can be done with a view: by buttons, by keys, by the pointer. */

import { type KeyboardEvent, useCallback, useRef } from 'react';
import { FIRST_SECTION } from './panels/ViewPanel';
import type { TilesIndex } from './tiles/format';
import type { Shown } from './useShown';
import { norm, sub, type Vec3 } from './vec';
import { eyeOfLook } from './view/lookThrough';
import { type Command, commandOf } from './view/shortcuts';
import { centred, orbited, panned, zoomed } from './view/steps';
import { COLOURS, type Eye3, POINT_SIZES, pointSizeOf, type ViewState } from './view/viewState';

/** What the viewer itself does with a key. */
export type Own = 'full' | 'help' | 'measure' | 'press' | 'clear';

interface Situation {
  index: TilesIndex;
  view: ViewState;
  shown: Shown;
  isMeasuring: boolean;
  onViewChange: (change: Partial<ViewState>) => void;
  onOwn: (what: Own) => void;
}

export interface Actions {
  goHome: () => void;
  goThrough: (name: string) => void;
  /** To the next or the previous camera. */
  step: (by: 1 | -1) => void;
  /** From the photo that is looked through. */
  leave: () => void;
  toggleSection: () => void;
  onMove: (eye: Eye3) => void;
  onCentre: (place: Vec3) => void;
  /** An end of what is measured, world frame. */
  onEnd: (place: Vec3) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** The functions stay the same; they see what is current when they are called. */
export function useActions(situation: Situation): Actions {
  const now = useRef(situation);
  now.current = situation;
  const change = useCallback((what: Partial<ViewState>) => now.current.onViewChange(what), []);
  const goHome = useCallback(() => change({ eye: now.current.shown.home, through: null }), [change]);
  const goThrough = useCallback((name: string) => change({ through: name }), [change]);
  const onMove = useCallback((eye: Eye3) => change({ eye }), [change]);
  const onCentre = useCallback((at: Vec3) => change({ eye: centred(now.current.shown.eye, at) }), [change]);
  const onEnd = useCallback(
    (place: Vec3) => {
      const { measured } = now.current.view;
      // a second click on the same point is no other end
      if (measured.length === 1 && measured[0] && norm(sub(measured[0], place)) === 0) return;
      change({ measured: measured.length === 1 ? [...measured, place] : [place] });
    },
    [change],
  );
  const leave = useCallback(() => {
    const { index, shown } = now.current;
    if (shown.look) change({ through: null, eye: eyeOfLook(shown.look, shown.shownFromWorld, index) });
  }, [change]);
  const step = useCallback(
    (by: 1 | -1) => {
      const { index, shown } = now.current;
      const number = index.images.length;
      // from outside, the first or the last
      const from = shown.place < 0 && by < 0 ? 0 : shown.place;
      const next = index.images[(from + by + number) % number];
      if (next) change({ through: next.name });
    },
    [change],
  );
  const toggleSection = useCallback(
    () => change({ section: now.current.view.section ? null : FIRST_SECTION }),
    [change],
  );
  const run = useCallback(
    (command: Command) => {
      const { index, view, shown, isMeasuring, onOwn } = now.current;
      // a photo is looked through from where it was taken
      const move = (eye: Eye3) => (shown.look ? undefined : change({ eye }));
      switch (command.do) {
        case 'orbit':
          return move(orbited(shown.eye, command.right, command.up));
        case 'pan':
          return move(panned(shown.eye, command.right, command.up));
        case 'zoom':
          return move(zoomed(shown.eye, command.factor));
        case 'colour':
          return change({ colour: COLOURS[command.place] ?? 'rgb' });
        case 'size': {
          const wanted = pointSizeOf(view, index.num_points) + command.by;
          return change({ pointSize: Math.min(POINT_SIZES.max, Math.max(POINT_SIZES.min, wanted)) });
        }
        case 'step':
          return step(command.by);
        case 'home':
          return goHome();
        case 'section':
          return toggleSection();
        case 'leave':
          if (shown.look) return leave();
          return onOwn(isMeasuring ? 'measure' : 'clear');
        case 'cameras':
        case 'photos':
        case 'grid':
          return change({ [command.do]: !view[command.do] });
        default:
          return onOwn(command.do);
      }
    },
    [change, step, goHome, toggleSection, leave],
  );
  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      const command = commandOf(event);
      const on = event.target as HTMLElement;
      if (!command || on.closest('dialog') || on.matches('input:not([type=checkbox]), select, textarea')) return;
      // lists and buttons keep their own keys
      const isOfView = ['orbit', 'pan', 'press'].includes(command.do);
      if (isOfView && on.getAttribute('role') !== 'application') return;
      event.preventDefault();
      run(command);
    },
    [run],
  );
  return { goHome, goThrough, step, leave, toggleSection, onMove, onCentre, onEnd, onKeyDown };
}
