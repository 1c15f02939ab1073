"""The interactive page over the OpenAPI document: one file that loads nothing from anywhere else.

Whatever it shows is put in as text, never as markup, and its policy allows no script but its own.
"""

from base64 import b64encode
from hashlib import sha256

from gpu_shopper.api.routes import Access, Ask, NoQuery, Reply, Route

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2rem 0 .5rem; text-transform: capitalize; }
details { border: 1px solid #8884; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; width: 4.5rem; }
code, pre, textarea, input { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow: auto; max-height: 30rem; padding: .6rem; background: #8881; border-radius: 6px; }
label { display: grid; grid-template-columns: 15rem 1fr; gap: .6rem; margin: .2rem 0; }
textarea { width: 100%; height: 9rem; box-sizing: border-box; }
small { opacity: .75; }
"""

_SCRIPT = """
"use strict";
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};
const resolve = (spec, schema) =>
  schema && schema.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema || {};
const limits = (schema) => {
  const { description, title, ...rest } = schema;
  return JSON.stringify(rest);
};
function example(spec, schema) {
  const found = resolve(spec, schema);
  const wanted = {};
  for (const name of found.required || []) {
    const field = resolve(spec, found.properties[name]);
    wanted[name] = (field.enum || [])[0] ?? field.const ?? field.minimum ?? "";
  }
  return JSON.stringify(wanted, null, 2);
}
function field(parameter) {
  const input = make("input");
  input.placeholder = limits(parameter.schema);
  const row = make("label", "", make("code", parameter.name + (parameter.required ? " *" : "")), input);
  return { parameter, input, row };
}
async function send(path, method, fields, body, output) {
  const query = new URLSearchParams();
  const headers = {};
  let url = path;
  for (const { parameter, input } of fields) {
    if (!input.value) continue;
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    if (parameter.in === "header") headers[parameter.name] = input.value;
    if (parameter.in === "query") for (const value of input.value.split(",")) query.append(parameter.name, value);
  }
  const token = document.getElementById("token").value;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  output.textContent = "…";
  try {
    const reply = await fetch(url + (query.size ? `?${query}` : ""), { method, headers, body: body ? body.value : undefined });
    const text = await reply.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    output.textContent = `${reply.status} ${reply.statusText}\\n\\n${shown}`;
  } catch (error) {
    output.textContent = String(error);
  }
}
function operation(spec, path, method, told) {
  const box = make("details", "", make("summary", "", make("b", method.toUpperCase()), make("code", path), make("small", "  " + told.summary)));
  const fields = (told.parameters || []).map(field);
  box.append(...fields.map((one) => one.row));
  let body = null;
  if (told.requestBody) {
    const schema = told.requestBody.content["application/json"].schema;
    body = make("textarea");
    body.value = example(spec, schema);
    box.append(make("small", "body"), body, make("details", "", make("summary", "schema"), make("pre", JSON.stringify(resolve(spec, schema), null, 2))));
  }
  const output = make("pre");
  const button = make("button", "Send");
  button.addEventListener("click", () => send(path, method.toUpperCase(), fields, body, output));
  const replies = Object.entries(told.responses).map(([code, reply]) => `${code}  ${reply.description}`).join("\\n");
  box.append(make("p", "", button), output, make("details", "", make("summary", "replies"), make("pre", replies)));
  return box;
}
async function show() {
  const spec = await (await fetch("openapi.json")).json();
  const page = document.getElementById("operations");
  document.getElementById("about").textContent = spec.info.description;
  const groups = new Map();
  for (const [path, methods] of Object.entries(spec.paths))
    for (const [method, told] of Object.entries(methods)) {
      const tag = told.tags[0];
      if (!groups.has(tag)) groups.set(tag, make("section", "", make("h2", tag)));
      groups.get(tag).append(operation(spec, path, method, told));
    }
  page.replaceChildren(...groups.values());
}
show().catch((error) => { document.getElementById("operations").textContent = String(error); });
"""

_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cloud GPU Shopper API</title>
<style>{_STYLE}</style>
<h1>Cloud GPU Shopper API</h1>
<p id="about"></p>
<p><a href="openapi.json">openapi.json</a></p>
<label><span>API token (kept on this page only)</span><input id="token" type="password" autocomplete="off"></label>
<div id="operations">Loading…</div>
<script>{_SCRIPT}</script>
</html>
"""


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(sha256(text.encode()).digest()).decode() + "'"


_POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def get_docs(_ask: Ask[NoQuery, None]) -> Reply:
    """Give an interactive page over the OpenAPI document."""
    headers = {"Content-Security-Policy": _POLICY}
    return Reply(_PAGE.encode(), headers=headers, media_type="text/html; charset=utf-8")


ROUTES = (
    Route(
        method="GET",
        path="/docs",
        answer=get_docs,
        access=Access.READER,
        reply=None,
        media_type="text/html",
        tag="docs",
    ),
)
