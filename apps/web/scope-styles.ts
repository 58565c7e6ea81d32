import postcss, { type Rule } from 'postcss';

/** The element around our components; its class is the one thing of ours that a host's styles could meet. */
const SCOPE = '.cofre';

/**
 * Holds a compiled style sheet to what stands inside of `.cofre`. Out of its layers as well: rules in a layer lose to every
 * rule of a host that is in none, such as a reset.
 */
export function scopeStyles(css: string): string {
  const root = postcss.parse(css);
  root.walkAtRules('layer', (layer) => {
    if (layer.nodes === undefined) layer.remove();
    else layer.replaceWith(layer.nodes);
  });
  root.walkRules((rule) => {
    if (!isInKeyframes(rule)) rule.selectors = rule.selectors.map(scoped);
  });
  return root.toString();
}

function isInKeyframes({ parent }: Rule): boolean {
  return parent?.type === 'atrule' && 'name' in parent && parent.name === 'keyframes';
}

/** What is said of the page is said of the scope; everything else, of what is in it. */
function scoped(selector: string): string {
  const own = selector.replaceAll(/:root\b|:host\b/g, SCOPE).replaceAll(/(?<![\w\\.)-])\.dark\b/g, `${SCOPE}.dark`);
  const ofPage = own.replace(/^(html|body)\b/, SCOPE);
  return ofPage.startsWith(SCOPE) ? ofPage : `${SCOPE} ${ofPage}`;
}
