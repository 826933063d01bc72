/** The viewer with a view of its own, which no link keeps. */

import { useCallback, useMemo, useState } from 'react';
import { jobSource } from '../scene/ScenePage';
import { SceneViewer } from '../scene/SceneViewer';
import { decodeView, type ViewState } from '../scene/view/viewState';

export function ScenePreview({ jobId }: { jobId: string }) {
  const source = useMemo(() => jobSource(jobId), [jobId]);
  const [view, setView] = useState(() => decodeView(''));
  const onViewChange = useCallback((change: Partial<ViewState>) => setView((before) => ({ ...before, ...change })), []);
  return <SceneViewer source={source} view={view} onViewChange={onViewChange} />;
}
