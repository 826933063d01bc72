/** What jsdom lacks of a browser, and a clean slate for each test. */

import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach } from 'vitest';

// a machine that builds meanwhile is slow; what never comes is told a little later
configure({ asyncUtilTimeout: 5000 });

HTMLDialogElement.prototype.showModal ??= function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function close() {
  this.open = false;
};

// as newer browsers have it: what scrolls smoothly gives a promise
window.scrollTo = (async () => undefined) as unknown as typeof window.scrollTo;

window.matchMedia ??= (media) =>
  ({
    media,
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;

afterEach(() => {
  cleanup();
  localStorage.clear();
});
