"""How the pages look: light and dark, from 360 pixels on; and the policy that lets them load and run nothing else."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --field: #fff; --raised: #f6f8fa;
  --link: #0a58b8; --strong: #0a58b8; --on-strong: #fff; --good: #1a6b34; --bad: #b3261e; --odd: #8a4600;
  --odd-page: #fff4e5; --bad-page: #fdeceb;
  font: 15px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --ink: #e8ecf1; --soft: #a3adb8; --line: #343c46; --field: #161b22; --raised: #181e26;
    --link: #7db7ff; --strong: #2f6fc2; --on-strong: #fff; --good: #6fd08c; --bad: #ff9c94; --odd: #f0b35f;
    --odd-page: #2b2113; --bad-page: #311a19;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); }
a { color: var(--link); }
a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible, summary:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px;
}
.skip { position: absolute; left: -99rem; }
.skip:focus { left: .5rem; top: .5rem; background: var(--page); padding: .5rem; }
header { border-bottom: 1px solid var(--line); background: var(--raised); }
header nav { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.25rem; max-width: 90rem; margin: auto; padding: .5rem 1rem; }
header strong { margin-right: auto; }
header a { padding: .3rem 0; text-decoration: none; }
header a[aria-current] { color: inherit; font-weight: 600; border-bottom: 2px solid var(--link); }
header form { margin: 0; }
main { max-width: 90rem; margin: auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: .25rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
.bad { color: var(--bad); }
.good { color: var(--good); }
code, pre, .query input { font-family: ui-monospace, monospace; font-size: .95em; }
.fields { display: flex; flex-wrap: wrap; align-items: end; gap: .6rem .8rem; margin: 0 0 .8rem; }
.fields label { display: grid; gap: .15rem; font-size: .85rem; color: var(--soft); }
.fields input, .fields select { width: 8.5rem; }
.fields .wide input { width: 16rem; max-width: 100%; }
.query { display: flex; gap: .5rem; align-items: end; margin: 0 0 .6rem; }
.query label { flex: 1; display: grid; gap: .15rem; font-size: .85rem; color: var(--soft); }
input, select, button {
  font: inherit; color: var(--ink); background: var(--field); border: 1px solid var(--soft); border-radius: 6px;
  padding: .4rem .6rem; min-height: 2.4rem; max-width: 100%; min-width: 0;
}
.query input { width: 100%; }
button { cursor: pointer; background: var(--strong); color: var(--on-strong); border-color: var(--strong); white-space: nowrap; }
button.quiet { background: none; color: var(--link); border-color: transparent; }
.problem { border: 1px solid var(--bad); border-left-width: 5px; background: var(--bad-page); border-radius: 6px; padding: .6rem .9rem; margin: 0 0 1rem; }
.problem pre { margin: .5rem 0 0; overflow-x: auto; line-height: 1.25; }
.narrow { display: grid; gap: .4rem; margin: 0 0 1rem; }
.narrow section { display: flex; gap: .6rem; align-items: baseline; }
.narrow h2 { font-size: .85rem; font-weight: 600; color: var(--soft); margin: 0; flex: 0 0 4.2rem; }
.chips { display: flex; flex-wrap: wrap; gap: .35rem; list-style: none; margin: 0; padding: 0; }
.chips a, .chips .plain { display: inline-block; border: 1px solid var(--line); border-radius: 99px; padding: .1rem .65rem; text-decoration: none; white-space: nowrap; max-width: 24rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.chips a[aria-current] { background: var(--strong); border-color: var(--strong); color: var(--on-strong); }
.chips small { opacity: .85; }
.narrow details { display: inline; }
.narrow summary { display: inline-block; cursor: pointer; color: var(--link); padding: .1rem .4rem; }
.narrow details[open] { display: block; flex-basis: 100%; }
.narrow details .chips { margin-top: .35rem; }
.summary { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .2rem 0 .6rem; }
.summary ul { display: contents; list-style: none; }
.wrap { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: 0 0 .4rem; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; }
th { font-size: .85rem; color: var(--soft); font-weight: 600; white-space: nowrap; }
th a { color: inherit; }
th[aria-sort="ascending"] a::after { content: " ↑"; }
th[aria-sort="descending"] a::after { content: " ↓"; }
th[aria-sort="ascending"] a, th[aria-sort="descending"] a { color: var(--ink); }
.right { text-align: right; }
td { max-width: 24rem; overflow-wrap: break-word; }
td.right { white-space: nowrap; }
tr.odd td { background: var(--odd-page); }
tr.gone td { color: var(--soft); }
.mark { color: var(--odd); font-weight: 600; }
.price { font-weight: 600; }
.total th, .total td { border-top: 2px solid var(--soft); color: var(--ink); font-weight: 600; }
table.small { width: auto; min-width: min(100%, 24rem); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.history { display: flex; flex-wrap: wrap; gap: .3rem 1rem; align-items: end; }
.history svg { width: min(100%, 40rem); height: 6rem; background: var(--raised); border-radius: 6px; }
.history path { fill: none; stroke: var(--link); stroke-width: 2; vector-effect: non-scaling-stroke; }
.pages { display: flex; gap: 1rem; margin: 1rem 0; }
.sign-in { max-width: 26rem; }
.sign-in label { display: grid; gap: .2rem; margin: 0 0 .8rem; }
@media (max-width: 50rem) {
  header strong { flex-basis: 100%; }
  dl { grid-template-columns: minmax(6rem, 38%) 1fr; }
  .small th { white-space: normal; }
  .offers thead a { display: inline-block; padding: .3rem 0; }
  .narrow section { flex-direction: column; gap: .2rem; }
  .narrow h2 { flex: none; }
  .narrow .chips:first-of-type { flex-wrap: nowrap; overflow-x: auto; max-width: 100%; padding-bottom: .2rem; }
  .narrow section { min-width: 0; }
  .fields label { flex: 1 1 6.5rem; }
  .fields label.wide { flex-basis: 100%; }
  .fields input, .fields select, .fields .wide input { width: 100%; }
  .offers, .offers tbody, .offers caption { display: block; }
  .offers thead tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .8rem; }
  .offers thead tr:has(.sortable)::before { content: "Sort by"; color: var(--soft); font-size: .85rem; padding: .2rem 0; }
  .offers thead th { display: none; border: 0; padding: .2rem 0; }
  .offers thead th.sortable { display: block; }
  .offers tbody tr { display: grid; grid-template-columns: 1fr 1fr; gap: .1rem 1rem; border: 1px solid var(--line); border-radius: 8px; padding: .5rem .7rem; margin: 0 0 .6rem; }
  .offers tbody td { display: flex; max-width: none; justify-content: space-between; gap: .5rem; border: 0; padding: .05rem 0; text-align: right; min-width: 0; overflow-wrap: anywhere; white-space: normal; background: none; }
  .offers tbody td::before { content: attr(data-label); color: var(--soft); text-align: left; font-weight: 400; white-space: normal; overflow-wrap: normal; min-width: min-content; }
  .offers tbody td.right { white-space: nowrap; overflow-wrap: normal; }
  .offers tbody td.name { grid-column: 1 / -1; font-size: 1.05rem; font-weight: 600; text-align: left; }
  .offers tbody td.name::before, .offers tbody td:empty { display: none; }
  .offers tbody tr.odd { background: var(--odd-page); }
}
"""


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(sha256(text.encode()).digest()).decode() + "'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(STYLE)}; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: with that, browsers don't say of a form which page it comes from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
