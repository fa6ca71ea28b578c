// Excerpts of the search's results, from excerpts.js instead of from the pages: without TeX, and also from file://.
"use strict";
{
  const own = (address) => Object.keys(rtExcerpts).find((name) => new URL(address, location.href).pathname.endsWith(`/${name}.html`));
  const load = window.fetch;
  window.fetch = (address, ...rest) => own(address) ? Promise.resolve(new Response(own(address))) : load(address, ...rest);
  Search.htmlToText = (name, anchor) => rtExcerpts[name]?.[(anchor || "").slice(1)] || Object.values(rtExcerpts[name] || {}).join(" ");
}
