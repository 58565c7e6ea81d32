import path from 'node:path';

/** Screens that the administrator's guides show, how wide they are, and after how many pixels the picture may end. */
const SCREENS: Readonly<Record<string, { readonly width: 360 | 1440; readonly heightMax: number }>> = {
  'wrong-when': { width: 360, heightMax: 900 },
  'restore-preview': { width: 1440, heightMax: 1250 },
  'restore-rows': { width: 1440, heightMax: 1100 },
  'restore-confirm': { width: 1440, heightMax: 900 },
  'restore-result': { width: 1440, heightMax: 1100 },
  'backups-create': { width: 1440, heightMax: 900 },
  modules: { width: 1440, heightMax: 1100 },
  backups: { width: 1440, heightMax: 1200 },
};

/** `COFRE_GUIDE_SCREENS=1` has the test of all screens draw the pictures of the guides anew. */
export const IS_FOR_GUIDES = process.env['COFRE_GUIDE_SCREENS'] === '1';

export const GUIDES = path.resolve(import.meta.dirname, '../../docs/guides');

/** null: the guides do not show it. */
export function guideWidth(name: string): 360 | 1440 | null {
  return SCREENS[name]?.width ?? null;
}

interface Look {
  readonly language: string;
  readonly width: number;
  readonly scheme: string;
}

interface GuideImage {
  readonly path: string;
  /** What is shown of the page. */
  readonly clip: { readonly x: 0; readonly y: 0; readonly width: number; readonly height: number };
}

/** Where what is seen is kept for the guides; null: it is not theirs, or they are not to be renewed. */
export function guideImage(name: string, look: Look | undefined): GuideImage | null {
  const screen = SCREENS[name];
  if (!IS_FOR_GUIDES || screen === undefined || look?.width !== screen.width || look.scheme !== 'light') return null;
  return {
    path: path.join(GUIDES, 'images', `${name}.${look.language}.png`),
    clip: { x: 0, y: 0, width: screen.width, height: screen.heightMax },
  };
}
