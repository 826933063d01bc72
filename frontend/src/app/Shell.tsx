/** What stands around every page: the name, where to go, who is signed in, whether there is a connection. */

import { Link, NavLink, Outlet, ScrollRestoration, useNavigation } from 'react-router';
import { signOut } from '../state/session';
import { useSession } from '../state/useSession';
import { Button } from '../ui/Button';
import { Toasts, tell } from '../ui/Toast';
import { Mark } from './Mark';
import { OfflineBar } from './OfflineBar';
import { ThemeSwitch } from './ThemeSwitch';

const PAGES = [
  { to: '/jobs', name: 'Reconstructions' },
  { to: '/new', name: 'New' },
  { to: '/plugins', name: 'Plugins' },
  { to: '/status', name: 'Status' },
];

export function Shell() {
  const session = useSession();
  const isOpening = useNavigation().state === 'loading';
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#page"
        className="sr-only z-50 rounded-md bg-raised px-3 py-2 focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        Skip to the page
      </a>
      <header className="relative top-0 z-30 border-b border-line bg-surface sm:sticky">
        <div className="flex flex-wrap items-center gap-x-6 px-4 sm:flex-nowrap sm:px-6">
          <Link to="/" className="flex min-h-12 items-center gap-2 font-semibold tracking-tight">
            <Mark />
            scene3d
          </Link>
          {session.state === 'signed-out' ? null : <Navigation />}
          <div className="ml-auto flex items-center gap-1 sm:gap-2">
            <ThemeSwitch />
            {session.state === 'signed-out' ? null : <Who user={session.user} />}
          </div>
        </div>
        {isOpening ? (
          <div className="absolute inset-x-0 -bottom-px h-px overflow-hidden">
            <div className="h-full w-2/7 animate-[sweep_1.2s_ease-in-out_infinite] bg-accent" />
          </div>
        ) : null}
      </header>
      <OfflineBar />
      <main id="page" className="flex min-w-0 flex-1 flex-col">
        <Outlet />
      </main>
      <ScrollRestoration />
      <Toasts />
    </div>
  );
}

function Navigation() {
  return (
    <nav aria-label="Pages" className="order-last -mx-1 flex w-full gap-1 overflow-x-auto sm:order-none sm:w-auto">
      {PAGES.map(({ to, name }) => (
        <NavLink
          key={to}
          to={to}
          className={({ isActive }) =>
            `flex min-h-11 items-center border-b-2 px-2 whitespace-nowrap -outline-offset-3 transition-colors sm:min-h-12 ${
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

function Who({ user }: { user: string }) {
  const leave = () => {
    signOut().catch(() => tell('You are signed out here; the server could not be told.', 'warn'));
  };
  return (
    <>
      <span className="hidden max-w-40 truncate text-muted md:inline" title={`signed in as ${user}`}>
        {user}
      </span>
      <Button kind="quiet" onClick={leave}>
        Sign out
      </Button>
    </>
  );
}
