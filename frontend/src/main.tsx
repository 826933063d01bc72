/** Begins the page. */

import './styles/index.css';

import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { z } from 'zod';
import { setUpClient } from './api/client';
import { makeQueryClient } from './api/queries';
import { makeRouter } from './app/routes';

// its compiled checks need `eval`, which the content policy forbids
z.config({ jitless: true });
setUpClient();

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={makeQueryClient()}>
        <RouterProvider router={makeRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
