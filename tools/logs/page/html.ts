/** The page around plots: style for light and dark, large numbers, figures with legend and table. ASCII only. */
import type { Series } from "./charts.ts";

/** Rows of a figure's table; what is more is told as a count. */
const TABLE_ROWS_MAX = 400;

/** Text for HTML and SVG; everything but printable ASCII as a number. */
export function escapeText(text: string): string {
  return text.replace(/[^ !#-%'-;=?-~]/gu, (character) => `&#${character.codePointAt(0)};`);
}

/** A number that stands out. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

/** A plot with what belongs to it. */
export interface Figure {
  readonly title: string;
  /** A sentence below the title. */
  readonly caption: string;
  /** The plot, or nothing when there is nothing to draw. */
  readonly svg: string;
  readonly legend?: readonly Series[];
  readonly table: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

const STYLE = `:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--ink:#1b2129;--muted:#586272;--grid:#e4e8ed;
--axis:#9aa4b1;--good:#2f6fb5;--wait:#d0901a;--bad:#a6253f;--first:#2f6fb5;--second:#b4531f}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--card:#1d2229;--ink:#e8ebef;--muted:#a3adba;--grid:#2d343d;
--axis:#6d7886;--good:#6aa5e6;--wait:#e6b450;--bad:#ea7187;--first:#6aa5e6;--second:#eb9a63}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:880px;margin:0 auto;padding:28px 16px 40px}h1{font-size:1.6rem;margin:0;line-height:1.25}
h2{font-size:1.05rem;margin:0}p{margin:4px 0 0;color:var(--muted)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:10px;margin:20px 0;padding:0;list-style:none}
.tiles li,figure{background:var(--card);border:1px solid var(--grid);border-radius:8px}
.tiles li{padding:12px 14px}.tiles span{display:block;color:var(--muted);font-size:.85rem}
.tiles b{display:block;font-size:1.45rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
figure{margin:0 0 16px;padding:16px 18px 12px}.plot{overflow-x:auto;margin-top:10px}
svg{display:block;width:100%;min-width:560px;height:auto}svg text{fill:var(--muted);font-size:12px}
svg .name{fill:var(--ink)}.grid{stroke:var(--grid)}.axis{stroke:var(--axis)}.hit{fill:transparent}
g:hover>.hit{fill:var(--grid);fill-opacity:.6}
.good{fill:var(--good)}.wait{fill:var(--wait)}.bad{fill:var(--bad)}.first{fill:var(--first)}.second{fill:var(--second)}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.line.first{stroke:var(--first)}.line.second{stroke:var(--second)}
.area{fill-opacity:.14}.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0 0;padding:0;list-style:none;font-size:.88rem}
.legend i{display:inline-block;width:12px;height:12px;border-radius:2px;margin-right:6px;vertical-align:-1px}
i.good{background:var(--good)}i.wait{background:var(--wait)}i.bad{background:var(--bad)}i.first{background:var(--first)}
i.second{background:var(--second)}details{margin-top:8px;font-size:.88rem}summary{cursor:pointer;color:var(--muted)}
.table{overflow:auto;max-height:340px;margin-top:6px}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:2px 14px 2px 0;text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left;white-space:normal}
th{color:var(--muted);font-weight:500}footer{color:var(--muted);font-size:.85rem}`;

function tileItem({ label, value, note }: Tile): string {
  const below = note === undefined ? "" : `<span>${escapeText(note)}</span>`;
  return `<li><span>${escapeText(label)}</span><b>${escapeText(value)}</b>${below}</li>`;
}

function tableText({ columns, rows }: Figure["table"]): string {
  const head = columns.map((column) => `<th scope="col">${escapeText(column)}</th>`).join("");
  const body = rows.slice(0, TABLE_ROWS_MAX).map((row) =>
    `<tr>${row.map((field) => `<td>${escapeText(field)}</td>`).join("")}</tr>`
  );
  const more = rows.length > TABLE_ROWS_MAX ? `<p>and ${rows.length - TABLE_ROWS_MAX} more</p>` : "";
  const table = `<table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
  return `<details><summary>Numbers</summary><div class="table" tabindex="0">${table}${more}</div></details>`;
}

function figureText(figure: Figure): string {
  const { title, caption, svg, legend = [], table } = figure;
  const items = legend.map(({ name, kind }) => `<li><i class="${kind}"></i>${escapeText(name)}</li>`).join("");
  const key = items === "" ? "" : `<ul class="legend">${items}</ul>`;
  const head = `<figcaption><h2>${escapeText(title)}</h2><p>${escapeText(caption)}</p></figcaption>`;
  if (svg === "") return `<figure>${head}</figure>`;
  return `<figure>${head}${key}<div class="plot">${svg}</div>${tableText(table)}</figure>`;
}

/** What a page holds. */
export interface Page {
  readonly title: string;
  readonly subtitle: string;
  readonly tiles: readonly Tile[];
  readonly figures: readonly Figure[];
  readonly footer: string;
}

/** The page as one document. */
export function pageText(page: Page): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(page.title)}</title>
<style>
${STYLE}
</style></head>
<body><main>
<header><h1>${escapeText(page.title)}</h1><p>${escapeText(page.subtitle)}</p></header>
<ul class="tiles">${page.tiles.map(tileItem).join("")}</ul>
${page.figures.map(figureText).join("\n")}
<footer>${escapeText(page.footer)}</footer>
</main></body></html>`;
}
