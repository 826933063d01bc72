/** Things taken out of the page: a file, a link. */

import { tell } from '../ui/Toast';

export function saveFile(blob: Blob, name: string) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the browser has taken it by then
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** To the clipboard; pages without TLS have none, and show it. */
export function copyLink(link: string) {
  const show = () => {
    window.prompt('The link to this view', link);
  };
  if (!navigator.clipboard) return show();
  navigator.clipboard
    .writeText(link)
    .then(() => tell('The link is copied: it shows this view to whoever may see the job.'), show);
}
