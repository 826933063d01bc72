/** Which rows of a long list of equally tall ones are in view, so that only these are drawn. */

import { type RefObject, useEffect, useState } from 'react';

/** Drawn beyond the view, so that scrolling shows no gaps. */
const MARGIN_ROWS = 8;

/** Where nothing is measured yet. */
const ASSUMED_HEIGHT = 800;

export interface Range {
  first: number;
  /** Exclusive. */
  end: number;
}

export function rangeInView(scrollTop: number, height: number, rowHeight: number, numRows: number): Range {
  const first = Math.max(0, Math.min(numRows, Math.floor(scrollTop / rowHeight)) - MARGIN_ROWS);
  return { first, end: Math.min(numRows, Math.ceil((scrollTop + height) / rowHeight) + MARGIN_ROWS) };
}

export function useVirtualRows(box: RefObject<HTMLElement | null>, numRows: number, rowHeight: number): Range {
  const [view, setView] = useState({ top: 0, height: ASSUMED_HEIGHT });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight || ASSUMED_HEIGHT });
    look();
    element.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    return () => {
      element.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
    };
  }, [box]);
  return rangeInView(view.top, view.height, rowHeight, numRows);
}
