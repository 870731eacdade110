/** The known name that is nearest to one that was mistyped, for error texts. */

/** Most letters that are wrong, missing, too many or swapped with their neighbour. */
const MISTAKES_MAX = 2;
/** A name of that many letters for each mistake: nearly all short names are near one another. */
const LETTERS_A_MISTAKE = 3;

/** `, did you mean NAME?` for the nearest name that two mistakes can make of it, else the empty string. */
export function didYouMean(name: string, names: Iterable<string>): string {
  let nearest: string | undefined;
  let fewest = Math.min(MISTAKES_MAX, Math.floor(name.length / LETTERS_A_MISTAKE)) + 1;
  for (const known of names) {
    if (Math.abs(known.length - name.length) >= fewest) continue;
    const mistakes = mistakesBetween(name, known);
    if (mistakes < fewest) [nearest, fewest] = [known, mistakes];
  }
  return nearest === undefined ? "" : `, did you mean ${nearest}?`;
}

/** What is said to who asks for a program that there is not: `indimail-serve` is found by `serv`, too. */
export function unknownProgramText(name: string, names: readonly string[]): string {
  const own = names.filter((known) => known.startsWith("indimail-")).map((known) => known.slice("indimail-".length));
  return `there is no program ${name}${didYouMean(name, [...names, ...own, "link", "help", "completion"])}` +
    "; indimail --list shows all";
}

/** The distance of Damerau and Levenshtein, in which no part is changed twice. */
function mistakesBetween(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const other = Number(a[i - 1] !== b[j - 1]);
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + other);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      next.push(least);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
