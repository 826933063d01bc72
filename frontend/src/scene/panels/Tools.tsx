/** What can be done with the view: a row of buttons. */

import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { ToolIcon } from './icons';

interface ToolsProps {
  /** Where one came from. */
  back: { to: string; name: string } | null;
  isPanelOpen: boolean;
  isMeasuring: boolean;
  isCut: boolean;
  isFull: boolean;
  onPanel: () => void;
  onHome: () => void;
  onMeasure: () => void;
  onSection: () => void;
  onCapture: () => void;
  /** None where the view has no link. */
  onLink: (() => void) | null;
  onFull: () => void;
  onHelp: () => void;
}

export function Tools(props: ToolsProps) {
  return (
    <div
      role="toolbar"
      aria-label="View"
      className="flex w-fit rounded-lg border border-line bg-raised p-0.5 shadow-float"
    >
      {props.back ? (
        <Link to={props.back.to} aria-label={props.back.name} title={props.back.name} className={TOOL}>
          <ToolIcon name="back" />
        </Link>
      ) : null}
      <Tool name="Settings" pressed={props.isPanelOpen} onClick={props.onPanel} icon={<ToolIcon name="panel" />} />
      <Tool name="Whole scene" hotkey="R" onClick={props.onHome} icon={<ToolIcon name="home" />} />
      <Tool
        name="Measure"
        hotkey="M"
        pressed={props.isMeasuring}
        onClick={props.onMeasure}
        icon={<ToolIcon name="measure" />}
      />
      <Tool
        name="Section"
        hotkey="X"
        pressed={props.isCut}
        onClick={props.onSection}
        icon={<ToolIcon name="section" />}
      />
      <Tool name="Save a picture" onClick={props.onCapture} icon={<ToolIcon name="capture" />} />
      {props.onLink ? (
        <Tool name="Copy a link to this view" onClick={props.onLink} icon={<ToolIcon name="link" />} />
      ) : null}
      <Tool
        name="Full screen"
        hotkey="F"
        pressed={props.isFull}
        onClick={props.onFull}
        icon={<ToolIcon name="full" />}
      />
      <Tool name="Keys and gestures" hotkey="?" onClick={props.onHelp} icon={<ToolIcon name="help" />} />
    </div>
  );
}

const TOOL =
  'grid size-9 place-items-center rounded-md text-ink hover:bg-sunken aria-pressed:bg-accent-wash aria-pressed:text-accent-strong';

interface ToolProps {
  name: string;
  hotkey?: string;
  pressed?: boolean;
  onClick: () => void;
  icon: ReactNode;
}

function Tool({ name, hotkey, pressed, onClick, icon }: ToolProps) {
  return (
    <button
      type="button"
      aria-label={name}
      aria-pressed={pressed}
      aria-keyshortcuts={hotkey}
      title={hotkey ? `${name} (${hotkey})` : name}
      onClick={onClick}
      className={TOOL}
    >
      {icon}
    </button>
  );
}
