/** Every page and its path; each page is loaded when it is first opened. */

import { createBrowserRouter, Navigate, type RouteObject } from 'react-router';
import { PageFailed } from './PageFailed';
import { PageLoading } from './PageLoading';
import { RequireSession } from './RequireSession';
import { Shell } from './Shell';
import { SignInPage } from './SignInPage';

export const routes: RouteObject[] = [
  {
    element: <Shell />,
    errorElement: <PageFailed />,
    hydrateFallbackElement: <PageLoading />,
    children: [
      { path: '/sign-in', element: <SignInPage /> },
      {
        element: <RequireSession />,
        children: [
          {
            // a page that fails leaves the shell
            errorElement: <PageFailed />,
            children: [
              { index: true, element: <Navigate to="/jobs" replace /> },
              { path: '/jobs', lazy: async () => ({ Component: (await import('../jobs/JobsPage')).JobsPage }) },
              {
                path: '/jobs/:id',
                lazy: async () => ({ Component: (await import('../job/JobPage')).JobPage }),
                children: [
                  { index: true, lazy: async () => ({ Component: (await import('../job/OverviewTab')).OverviewTab }) },
                  { path: 'photos', lazy: async () => ({ Component: (await import('../job/PhotosTab')).PhotosTab }) },
                  {
                    path: 'statistics',
                    lazy: async () => ({ Component: (await import('../job/StatisticsTab')).StatisticsTab }),
                  },
                  { path: 'files', lazy: async () => ({ Component: (await import('../job/FilesTab')).FilesTab }) },
                ],
              },
              {
                path: '/compare',
                lazy: async () => ({ Component: (await import('../compare/ComparePage')).ComparePage }),
              },
              { path: '/new', lazy: async () => ({ Component: (await import('../new/NewPage')).NewPage }) },
              {
                path: '/jobs/:id/scene',
                lazy: async () => ({ Component: (await import('../scene/ScenePage')).ScenePage }),
              },
              {
                path: '/plugins',
                lazy: async () => ({ Component: (await import('../plugins/PluginsPage')).PluginsPage }),
              },
              {
                path: '/plugins/:id',
                lazy: async () => ({ Component: (await import('../plugins/PluginPage')).PluginPage }),
              },
              { path: '/status', lazy: async () => ({ Component: (await import('../status/StatusPage')).StatusPage }) },
              { path: '*', lazy: async () => ({ Component: (await import('./NoSuchPage')).NoSuchPage }) },
            ],
          },
        ],
      },
    ],
  },
];

export function makeRouter() {
  return createBrowserRouter(routes);
}
