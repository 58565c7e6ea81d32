import { type ClassValue, clsx } from 'clsx';

/**
 * Class names joined. Of two that set the same thing the style sheet chooses, not their order here: what a component of the
 * kit lets its users set anew says so by `kit:`. `cn.test.ts` looks for what does not.
 */
export const cn: (...inputs: ClassValue[]) => string = clsx;
