/** An element over the whole screen and back. */

import { useEffect, useState } from 'react';
import { tell } from '../ui/Toast';

export function useFullScreen(element: HTMLElement | null): { isFull: boolean; toggle: () => void } {
  const [isFull, setIsFull] = useState(false);
  useEffect(() => {
    const changed = () => setIsFull(element !== null && document.fullscreenElement === element);
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }, [element]);
  const toggle = () => {
    const change = isFull ? document.exitFullscreen() : element?.requestFullscreen?.();
    if (!change) return tell('This browser shows nothing full screen.', 'warn');
    change.catch(() => tell('This browser shows nothing full screen here.', 'warn'));
  };
  return { isFull, toggle };
}
