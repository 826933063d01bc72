/** System, light, dark: one press, the next one. */

import { chooseTheme, type Theme, useTheme } from '../state/theme';
import { AutoIcon, MoonIcon, SunIcon } from '../ui/icons';

const NEXT: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
const NAMES: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };
const ICONS: Record<Theme, typeof AutoIcon> = { auto: AutoIcon, light: SunIcon, dark: MoonIcon };

export function ThemeSwitch() {
  const theme = useTheme();
  const Icon = ICONS[theme];
  const label = `Colours: ${NAMES[theme]}`;
  return (
    <button
      type="button"
      onClick={() => chooseTheme(NEXT[theme])}
      aria-label={label}
      title={label}
      className="grid size-8.5 place-items-center rounded-md text-muted hover:bg-sunken hover:text-ink"
    >
      <Icon />
    </button>
  );
}
