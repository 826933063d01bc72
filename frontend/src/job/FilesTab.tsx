/** What a job wrote: downloaded, or handed on by links that need no token and hold for a time. */

import { useQuery } from '@tanstack/react-query';
import type { ArtifactView } from '../api/generated';
import { listArtifactsOptions } from '../api/generated/@tanstack/react-query.gen';
import { hasEnded } from '../jobs/state';
import { useDownload } from '../jobs/useJobActions';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { bytes } from '../ui/format';
import { IconButton } from '../ui/IconButton';
import { DownloadIcon } from '../ui/icons';
import { Panel } from '../ui/Panel';
import { Cell, Head, Table } from '../ui/Table';
import { TableSkeleton } from '../ui/TableSkeleton';
import { useJobContext } from './JobPage';
import { LinkButton } from './LinkButton';

export function FilesTab() {
  const { job, report } = useJobContext();
  const isOver = hasEnded(job.state);
  const files = useQuery({ ...listArtifactsOptions({ path: { id: job.id } }), enabled: isOver });
  const described = new Map(report.data?.outputs.map(({ path, description }) => [path, description]));
  const artifacts = files.data?.artifacts ?? [];
  return (
    <Panel flush>
      {isOver ? null : (
        <EmptyState title="Not yet">The model, the report and the log: written when it ends.</EmptyState>
      )}
      {files.error ? (
        <div className="p-4">
          <ErrorNotice error={files.error} title="The files could not be listed" onRetry={() => files.refetch()} />
        </div>
      ) : null}
      {files.isLoading ? <TableSkeleton what="Loading the files" /> : null}
      {files.isSuccess && artifacts.length === 0 ? <EmptyState title="It wrote no files" /> : null}
      {artifacts.length > 0 ? (
        <Table caption="Files" stacks>
          <thead>
            <tr>
              <Head>File</Head>
              <Head>What it is for</Head>
              <Head figures>Size</Head>
              <Head>
                <span className="sr-only">What can be done</span>
              </Head>
            </tr>
          </thead>
          <tbody>
            {inOrder(artifacts).map((file) => (
              <FileRow key={file.name} jobId={job.id} file={file} description={described.get(file.name)} />
            ))}
          </tbody>
        </Table>
      ) : null}
    </Panel>
  );
}

interface FileRowProps {
  jobId: string;
  file: ArtifactView;
  description: string | undefined;
}

function FileRow({ jobId, file, description }: FileRowProps) {
  const download = useDownload(jobId);
  return (
    <tr>
      <Cell className="align-middle! font-mono text-sm max-sm:mr-auto" title={`sha256 ${file.sha256}`}>
        {file.name}
      </Cell>
      <Cell className="align-middle! text-muted max-sm:order-last max-sm:w-full sm:min-w-48">
        {description ?? DESCRIPTIONS[file.name] ?? ''}
      </Cell>
      <Cell figures className="align-middle! max-sm:text-sm max-sm:text-muted">
        {bytes(file.bytes)}
      </Cell>
      <Cell className="max-sm:-mr-2 sm:py-1">
        <span className="flex justify-end">
          <LinkButton jobId={jobId} name={file.name} />
          <IconButton
            label={`Download ${file.name}`}
            busy={download.isPending}
            onClick={() => download.mutate(file.name)}
          >
            <DownloadIcon />
          </IconButton>
        </span>
      </Cell>
    </tr>
  );
}

/** Of what the report can't list, since it is written after it or is itself. */
const DESCRIPTIONS: Record<string, string> = {
  'report.json': 'everything on these pages, for programs',
  'report.html': 'the same as one page that needs no server',
  'run.toml': 'the config with every default, and what it ran',
  'logs/events.jsonl': 'what happened when, for programs',
};

/** What is wanted most stands first. */
const FIRST = ['points.ply', 'scene.glb', 'report.html', 'report.json', 'transforms.json'];

function inOrder(files: readonly ArtifactView[]): ArtifactView[] {
  const place = ({ name }: ArtifactView) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return [...files].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
}
