/** Eigenvectors of small symmetric matrices, by Jacobi's rotations (G. Golub, C. Van Loan, "Matrix Computations", 8.5). */

import type { Quat } from './vec';

const MAX_SWEEPS = 50;

/** The unit eigenvector of the largest eigenvalue of a symmetric 4 x 4 matrix. */
export function largestEigenvector(symmetric: readonly (readonly number[])[]): Quat {
  const m = symmetric.map((row) => [...row]);
  const v = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0)));
  const at = (rows: number[][], i: number, j: number) => rows[i]?.[j] ?? 0;
  const set = (rows: number[][], i: number, j: number, value: number) => {
    const row = rows[i];
    if (row) row[j] = value;
  };
  const turn = (rows: number[][], p: number, q: number, c: number, s: number, byColumn: boolean) => {
    for (let k = 0; k < 4; k++) {
      const [a, b] = byColumn ? [at(rows, k, p), at(rows, k, q)] : [at(rows, p, k), at(rows, q, k)];
      const [x, y] = [c * a - s * b, s * a + c * b];
      if (byColumn) {
        set(rows, k, p, x);
        set(rows, k, q, y);
      } else {
        set(rows, p, k, x);
        set(rows, q, k, y);
      }
    }
  };
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let rest = 0;
    for (let p = 0; p < 3; p++) {
      for (let q = p + 1; q < 4; q++) {
        const off = at(m, p, q);
        rest += off * off;
        if (off === 0) continue;
        const theta = (at(m, q, q) - at(m, p, p)) / (2 * off);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        turn(m, p, q, c, t * c, true);
        turn(m, p, q, c, t * c, false);
        turn(v, p, q, c, t * c, true);
      }
    }
    if (rest === 0) break;
  }
  let best = 0;
  for (let i = 1; i < 4; i++) if (at(m, i, i) > at(m, best, best)) best = i;
  return [at(v, 0, best), at(v, 1, best), at(v, 2, best), at(v, 3, best)];
}
