// Before the first paint: dark or light as chosen on this machine; without a choice, as the system says.
{
  const chosen = localStorage.getItem('scene3d.theme');
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
}
