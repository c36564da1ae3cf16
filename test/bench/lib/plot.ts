export interface Bar {
  readonly group: string;
  readonly name: string;
  readonly value: number;
}

const WIDTH = 760;
const LABELS = 190;
const BAR = 18;
const GAP = 5;
const COLOURS: Readonly<Record<string, string>> = { banyan: '#2f855a', nginx: '#718096', haproxy: '#a0aec0' };
const OTHER = '#cbd5e0';

const escaped = (text: string): string => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Horizontal bars in groups, shorter is better. Colours that can be read on white and on black. */
export function barPlot(title: string, unit: string, bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const longest = Math.max(...bars.map(({ value }) => value));
  const scale = (WIDTH - LABELS - 90) / longest;
  const parts: string[] = [];
  let y = 44;
  for (const group of groups) {
    parts.push(`<text x="12" y="${y + 12}" font-weight="600">${escaped(group)}</text>`);
    y += BAR + GAP;
    for (const { name, value } of bars.filter((bar) => bar.group === group)) {
      const width = Math.max(1, value * scale);
      const colour = COLOURS[name.split(/[ ,]/)[0] ?? ''] ?? OTHER;
      parts.push(
        `<text x="${LABELS - 8}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>`,
        `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${colour}"/>`,
        `<text x="${(LABELS + width + 6).toFixed(1)}" y="${y + 13}">${value.toFixed(0)} ${escaped(unit)}</text>`,
      );
      y += BAR + GAP;
    }
    y += 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="12" fill="#4a5568" role="img">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>
<text x="12" y="24" font-size="15" font-weight="600">${escaped(title)}</text>
${parts.join('\n')}
</svg>
`;
}
