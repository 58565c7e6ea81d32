/** Languages that Cofre speaks. Written out, because the types that hosts see lead to no other file of the web admin. */
export type CofreLocale = 'en' | 'pt-BR';

export type CofreTheme = 'light' | 'dark' | 'system';
