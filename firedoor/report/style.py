"""How a report looks: on a screen by day and by night, on a telephone, on paper."""

from typing import Final

STYLE: Final = """
:root { --ink: #1b1f24; --dim: #57606a; --ground: #ffffff; --line: #d0d7de; --soft: #f6f8fa; --link: #0550ae;
  --good: #116329; --good-ground: #dafbe1; --bad: #a40e26; --bad-ground: #ffebe9; --open: #7d4e00;
  --open-ground: #fff8c5; --bar: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9da7b3; --ground: #0d1117; --line: #30363d;
  --soft: #161b22; --link: #79c0ff; --good: #7ee787; --good-ground: #12261b; --bad: #ffa198; --bad-ground: #2d1315;
  --open: #e3b341; --open-ground: #272115; --bar: #3fb950; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
a { color: var(--link); }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }
.lead { font-size: 1.1rem; }
.notice { border: 2px solid var(--open); background: var(--open-ground); color: var(--open); padding: 0.5rem 0.8rem;
  font-weight: 600; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; }
dl { margin: 0.6rem 0; }
dl div { display: grid; grid-template-columns: 12rem 1fr; gap: 0.1rem 1rem; padding: 0.15rem 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem 0.35rem 0;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--dim); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
td { overflow-wrap: anywhere; min-width: 5.5rem; }
td:last-child { min-width: 4.5rem; }
code, pre { font: 0.88em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); padding: 0.7rem; overflow-x: auto; }
.mark { font-weight: 600; }
td .mark { white-space: nowrap; }
.mark.good { color: var(--good); } .mark.bad { color: var(--bad); } .mark.open { color: var(--open); }
.lead .mark { border: 1px solid currentColor; padding: 0.05rem 0.5rem; border-radius: 1rem; }
.lead .mark.good { background: var(--good-ground); } .lead .mark.bad { background: var(--bad-ground); }
.lead .mark.open { background: var(--open-ground); }
.share { display: inline-flex; gap: 0.5rem; align-items: center; white-space: nowrap; }
.bar { display: inline-block; width: 6rem; height: 0.6rem; background: var(--soft); border: 1px solid var(--dim); }
.bar span { display: block; height: 100%; background: var(--bar); }
.more, footer { color: var(--dim); font-size: 0.9rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); }
@media (max-width: 40rem) { dl div { grid-template-columns: 1fr; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } nav, .skip { display: none; }
  tr, dl div { break-inside: avoid-page; } h2 { break-after: avoid-page; } thead { display: table-header-group; }
  .wide { overflow: visible; } a { color: inherit; }
  .bar span { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
