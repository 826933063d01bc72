/** What the server says of the config, in one line. */

import { counted } from '../ui/format';
import { CheckIcon, WarnIcon } from '../ui/icons';
import type { Pipeline } from './usePipeline';

export function CheckLine({ pipeline: { checked, problem, isChecking } }: { pipeline: Pipeline }) {
  return (
    <p role="status" className="flex items-center gap-1.5 text-sm">
      {isChecking ? <span className="text-muted">checking…</span> : null}
      {!isChecking && problem ? (
        <span className="flex items-center gap-1.5 text-bad">
          <WarnIcon />
          {problem.code === 'invalid_config' ? counted(problem.errors.length, 'mistake') : 'not checked'}
        </span>
      ) : null}
      {!isChecking && !problem && checked ? (
        <span className="flex items-center gap-1.5 text-ok">
          <CheckIcon />
          valid, runs on {[...new Set(checked.stages.map((stage) => stage.device))].join(' and ')}
        </span>
      ) : null}
    </p>
  );
}
