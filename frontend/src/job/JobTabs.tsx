/** The parts of a job. */

import { NavLink } from 'react-router';
import type { JobView } from '../api/generated';

const TABS = [
  { path: '', name: 'Overview' },
  { path: '/photos', name: 'Photos' },
  { path: '/statistics', name: 'Statistics' },
  { path: '/files', name: 'Files' },
];

export function JobTabs({ job }: { job: JobView }) {
  return (
    <nav aria-label="Parts of the reconstruction" className="-mb-1 flex gap-1 overflow-x-auto border-b border-line">
      {TABS.map(({ path, name }) => (
        <NavLink
          key={name}
          to={`/jobs/${job.id}${path}`}
          end
          className={({ isActive }) =>
            `flex min-h-10 items-center border-b-2 px-3 whitespace-nowrap -outline-offset-3 transition-colors ${
              isActive ? 'border-accent text-ink' : 'border-transparent text-muted hover:text-ink'
            }`
          }
        >
          {name}
        </NavLink>
      ))}
    </nav>
  );
}
