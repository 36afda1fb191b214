"""How the page looks: on a desk, on a phone, in the dark, on paper."""

SHEET = """
:root {
  --text: #1d2430; --soft: #586274; --page: #f6f7f9; --card: #ffffff; --line: #d9dee6;
  --band: #edf1f7; --link: #1f5fa8; --warn: #fff4dc; --warn-line: #d9a21b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e8ef; --soft: #a3adbd; --page: #12161d; --card: #1a2029; --line: #323b49;
    --band: #232b37; --link: #8dbcf5; --warn: #33290f; --warn-line: #b98a1b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 82rem;
  background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.3rem; margin: 0 0 0.5rem; }
h3 { font-size: 1.05rem; margin: 2rem 0 0.25rem; }
a { color: var(--link); }
nav ul { padding-left: 1.2rem; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.25rem; margin: 1.25rem 0;
}
#scores ul { margin: 0; padding-left: 1.2rem; }
.badge {
  font-size: 0.75rem; font-weight: 600; padding: 0.15rem 0.55rem; border-radius: 99px;
  border: 1px solid var(--warn-line); background: var(--warn); white-space: nowrap;
  vertical-align: middle;
}
.warnings {
  background: var(--warn); border-left: 4px solid var(--warn-line); padding: 0.6rem 1rem;
  border-radius: 4px; margin: 0.75rem 0;
}
.warnings ul { margin: 0.25rem 0 0; padding-left: 1.2rem; }
.frame {
  overflow-x: auto; margin-top: 1.75rem; border: 1px solid var(--line); border-radius: 6px;
}
.frame:focus-visible { outline: 2px solid var(--link); }
table {
  border-collapse: collapse; width: 100%; font-size: 0.83rem; overflow-wrap: normal;
  font-variant-numeric: tabular-nums;
}
caption {
  text-align: left; font-size: 1.02rem; font-weight: 600; padding: 0.6rem 0.7rem;
  position: sticky; left: 0;
}
th, td { padding: 0.36rem 0.6rem; text-align: left; border-top: 1px solid var(--line); }
thead th { background: var(--band); color: var(--soft); font-weight: 600; vertical-align: bottom; }
.bands th { text-align: center; border-left: 1px solid var(--line); }
.bands td { background: var(--band); }
tbody th { font-weight: 600; white-space: nowrap; background: var(--card); }
.estimate, .difference, .interval, .share, .p { text-align: right; }
:is(.estimate, .difference, .interval, .share, .p):is(td) { white-space: nowrap; }
tbody tr:hover > * { background: var(--band); }
td.text { white-space: nowrap; }
.notes { color: var(--soft); font-size: 0.83rem; padding-left: 1.2rem; margin: 0.5rem 0 0; }
.pictures {
  display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr));
}
figure { margin: 1rem 0 0; }
/* The pictures are drawn on white. */
figure img { width: 100%; max-width: 40rem; height: auto; border-radius: 6px; background: #fff; }
figcaption { color: var(--soft); font-size: 0.85rem; }
@media (min-width: 50rem) { tbody th { position: sticky; left: 0; } }
@media (max-width: 40rem) {
  body { padding: 0.75rem 0.5rem 3rem; }
  section { padding: 0.9rem; }
}
@media print {
  body { max-width: none; background: #fff; }
  .frame { overflow: visible; }
  figure, tr { break-inside: avoid; }
}
"""
