'use client';

import { createContext } from 'react';

/** Where what opens above the page is put. null: the page is not in a browser yet, where nothing opens. */
export const Scope = createContext<HTMLElement | null>(null);
