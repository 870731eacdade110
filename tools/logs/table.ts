/** Tables as text: columns by blanks, all but the last aligned at their right end, two blanks between [man columnt.1]. */

/** Fields of each row to lines; a row may be shorter than others, and is not filled up. */
export function alignRows(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((field, at) => {
      if (field.length > (widths[at] ?? 0)) widths[at] = field.length;
    });
  }
  const last = widths.length - 1;
  return rows.map((row) => row.map((field, at) => at < last ? `${field.padStart(widths[at] ?? 0)}  ` : field).join(""));
}

/** A number as awk prints it: whole ones whole, others with six digits that count. */
export function awkNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const [digits = "", power = ""] = value.toExponential(5).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(Number(value.toPrecision(6)));
  const short = digits.replace(/\.?0+$/, "");
  return `${short}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
