/** The viewer's panels by hand and by keyboard. */

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { colouringOf } from '../cloud/colouring';
import { openSurface, sourceOf, surfaceBytes } from '../fixtures/scene';
import type { TilesIndex } from '../tiles/format';
import { DEFAULT_VIEW, type ViewState } from '../view/viewState';
import { describe as inWords } from '../words';
import { CameraList } from './CameraList';
import { MeasurePanel } from './MeasurePanel';
import { type ChosenPoint, TrackPanel } from './TrackPanel';
import { ViewPanel } from './ViewPanel';

let index: TilesIndex;
let seen: ViewState;

beforeEach(async () => {
  ({ index } = await openSurface());
});

function Held({
  first,
  children,
}: {
  first: Partial<ViewState>;
  children: (view: ViewState, change: (change: Partial<ViewState>) => void) => React.ReactNode;
}) {
  const [view, setView] = useState<ViewState>({ ...DEFAULT_VIEW, ...first });
  seen = view;
  return children(view, (change) => setView((before) => ({ ...before, ...change })));
}

const viewPanel = (first: Partial<ViewState> = {}) =>
  render(
    <Held first={first}>
      {(view, change) => (
        <ViewPanel
          view={view}
          colouring={colouringOf(view.colour, index, [0, 4], null)}
          numPoints={1500}
          onChange={change}
        />
      )}
    </Held>,
  );

describe('how the scene is shown', () => {
  it('is chosen, and says what colours stand for', async () => {
    viewPanel();
    expect(screen.queryByText('Mean reprojection error')).toBeNull();
    await userEvent.click(screen.getByRole('radio', { name: 'Reprojection error' }));
    expect(seen.colour).toBe('error');
    expect(screen.getByText('Mean reprojection error')).toBeVisible();
    await userEvent.keyboard('{ArrowRight}');
    expect(seen.colour).toBe('track');
    await userEvent.click(screen.getByRole('checkbox', { name: 'Cameras' }));
    expect(seen.cameras).toBe(false);
  });

  it('begins anew where something else is up', async () => {
    viewPanel({ eye: { position: [1, 1, 1], target: [0, 0, 0] } });
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Up' }), '−Z of the model');
    expect([seen.up, seen.eye]).toEqual(['-z', null]);
  });

  it('is cut open and closed again', async () => {
    viewPanel({ section: { axis: 1, at: 0, keep: 'below' } });
    await userEvent.click(screen.getByRole('radio', { name: 'Width' }));
    await userEvent.click(screen.getByRole('radio', { name: 'Keep right' }));
    expect(seen.section).toEqual({ axis: 0, at: 0, keep: 'above' });
    await userEvent.click(screen.getByRole('checkbox', { name: 'Cut the scene open' }));
    expect(seen.section).toBeNull();
  });
});

describe('a measurement', () => {
  const panel = (first: Partial<ViewState>) =>
    render(
      <Held first={first}>
        {(view, change) => (
          <MeasurePanel view={view} units={5} isMeasuring={false} onMeasuring={() => undefined} onChange={change} />
        )}
      </Held>,
    );

  it('is told in units until somebody says how long it is', async () => {
    panel({
      measured: [
        [0, 0, 0],
        [0, 3, 4],
      ],
    });
    expect(screen.getByText('5.00 units')).toBeVisible();
    await userEvent.type(screen.getByLabelText('It is really'), '2,5 m{Enter}');
    expect(seen.metresPerUnit).toBe(0.5);
    expect(screen.getByText('2.50 m')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Forget the scale' }));
    expect(screen.getByText('5.00 units')).toBeVisible();
  });

  it('takes no nonsense for a length', async () => {
    panel({
      measured: [
        [0, 0, 0],
        [0, 3, 4],
      ],
    });
    await userEvent.type(screen.getByLabelText('It is really'), 'long{Enter}');
    expect(screen.getByRole('alert')).toHaveTextContent('Expected a length');
    expect(seen.metresPerUnit).toBeNull();
  });
});

describe('the cameras', () => {
  it('are buttons', async () => {
    const onThrough = vi.fn();
    const { images } = index;
    render(
      <CameraList images={images} through={images[1]?.name ?? null} onThrough={onThrough} onHover={() => undefined} />,
    );
    const buttons = screen.getAllByRole('button');
    expect(buttons).toHaveLength(images.length);
    expect(buttons[1]).toHaveAttribute('aria-pressed', 'true');
    buttons[2]?.focus();
    await userEvent.keyboard('{Enter}');
    expect(onThrough).toHaveBeenCalledWith(images[2]?.name);
  });

  it('are found by name where they are many', async () => {
    const images = Array.from({ length: 500 }, (_, i) => ({
      ...(index.images[0] as TilesIndex['images'][0]),
      id: i,
      name: `IMG_${i}.jpg`,
    }));
    render(<CameraList images={images} through={null} onThrough={() => undefined} onHover={() => undefined} />);
    expect(screen.getAllByRole('button')).toHaveLength(200);
    expect(screen.getByText('300 more: search by name.')).toBeVisible();
    await userEvent.type(screen.getByRole('searchbox'), 'img_499');
    expect(screen.getAllByRole('button')).toHaveLength(1);
    await userEvent.type(screen.getByRole('searchbox'), 'x');
    expect(screen.getByText('No camera of that name.')).toBeVisible();
  });
});

describe('a point', () => {
  const panel = (track: ChosenPoint['track'], onThrough = vi.fn(), onRetry = vi.fn()) => {
    const point: ChosenPoint = { position: [1, 2, 3], errorPx: 0.25, track };
    render(
      <QueryClientProvider client={new QueryClient()}>
        <TrackPanel
          source={sourceOf(surfaceBytes())}
          index={index}
          point={point}
          onThrough={onThrough}
          onClose={() => undefined}
          onRetry={onRetry}
        />
      </QueryClientProvider>,
    );
    return { onThrough, onRetry };
  };

  it('shows who sees it, each a way into its photo', async () => {
    URL.createObjectURL ??= () => 'blob:photo';
    URL.revokeObjectURL ??= () => undefined;
    const observations = [0, 2].map((image) => ({ image, x: 0.5, y: 0.25 }));
    const { onThrough } = panel({ state: 'there', track: { id: 77n, observations } });
    expect(screen.getByText('Point 77')).toBeVisible();
    expect(screen.getByText('2 photos')).toBeVisible();
    expect(screen.getByText('0.25 px')).toBeVisible();
    const [, second] = within(screen.getByRole('list')).getAllByRole('button');
    expect(second).toHaveAccessibleName(`Look through ${index.images[2]?.name}, which sees the point at 320, 120 px`);
    await userEvent.click(second as HTMLElement);
    expect(onThrough).toHaveBeenCalledWith(index.images[2]?.name);
  });

  it('can be asked for again where that failed', async () => {
    const { onRetry } = panel({ state: 'failed' });
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(onRetry).toHaveBeenCalledOnce();
  });
});

it('the scene is told in words', () => {
  expect(inWords(index, DEFAULT_VIEW)).toMatch(/^3D scene of 1,500 points from 6 photos, about 2\.\d\d units across\./);
});
