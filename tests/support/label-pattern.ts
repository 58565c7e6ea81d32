/**
 * A message of a catalogue as a pattern of what people read: what is put into it may be anything, a plural any of its forms.
 * null: without what is put into it, it says nothing.
 */
export function labelPattern(message: string): RegExp | null {
  const said = message.replaceAll(/<(\w+)><\/\1>/g, '{$1}').replaceAll(/<\/?\w+>/g, '');
  const pattern = patternOf(said, { isPlural: false });
  return /\p{L}/u.test(pattern) ? new RegExp(`^${pattern}$`, 'u') : null;
}

interface Within {
  readonly isPlural: boolean;
}

const NUMBER = '[0-9.,]+';

/** Runs of text and arguments in turn; within a plural, `#` is its number. */
function patternOf(message: string, within: Within): string {
  const open = message.indexOf('{');
  const text = open === -1 ? message : message.slice(0, open);
  const escaped = text.replaceAll(/[.*+?^$()|[\]\\/]/g, '\\$&');
  const before = within.isPlural ? escaped.replaceAll('#', NUMBER) : escaped;
  if (open === -1) return before;
  const close = closing(message, open);
  return before + argumentPattern(message.slice(open + 1, close), within) + patternOf(message.slice(close + 1), within);
}

function argumentPattern(argument: string, within: Within): string {
  const choice = /^\w+,\s*(plural|select),\s*(.*)$/s.exec(argument);
  if (choice === null) return '.+';
  const isPlural = choice[1] === 'plural' || within.isPlural;
  const forms = formsOf(choice[2] ?? '').map((form) => patternOf(form, { isPlural }));
  return `(?:${forms.join('|')})`;
}

/** The texts of `one {…} other {…}`. */
function formsOf(choices: string): readonly string[] {
  const open = choices.indexOf('{');
  if (open === -1) return [];
  const close = closing(choices, open);
  return [choices.slice(open + 1, close), ...formsOf(choices.slice(close + 1))];
}

/** The place of the brace that closes the one at `open`. */
function closing(message: string, open: number): number {
  let depth = 0;
  for (let place = open; place < message.length; place++) {
    if (message[place] === '{') depth += 1;
    else if (message[place] === '}') depth -= 1;
    if (depth === 0) return place;
  }
  throw new Error(`a brace is not closed: ${message}`);
}
