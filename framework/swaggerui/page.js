
// The page of package swaggerui: it loads the document that lies beside it.
(() => {
  "use strict";
  const here = location.origin + location.pathname.replace(/\/+$/, "");
  const address = new URL("openapi.json", here).href;
  const ask = document.getElementById("ask");
  const problem = document.getElementById("problem");

  async function show(token) {
    problem.textContent = "";
    const headers = token ? {Authorization: "Bearer " + token} : {};
    const answer = await fetch(address, {headers, credentials: "omit"});
    if (answer.status === 401 || answer.status === 403) {
      ask.hidden = false;
      if (token) problem.textContent = "The token is not enough: " + answer.status + ".";
      return;
    }
    if (!answer.ok) throw new Error(address + " answers " + answer.status);
    const spec = await answer.json();
    ask.hidden = true;
    document.title = spec.info.title;

    // Swagger UI resolves not all relative addresses as OpenAPI says.
    const server = new URL((spec.servers?.[0]?.url ?? "") + "/", address).href;
    spec.servers = [{url: server.replace(/\/$/, "")}];
    for (const scheme of Object.values(spec.components?.securitySchemes ?? {})) {
      for (const flow of Object.values(scheme.flows ?? {})) {
        flow.tokenUrl = new URL(flow.tokenUrl, server).href;
      }
    }
    window.ui = SwaggerUIBundle({spec, dom_id: "#ui", validatorUrl: null, deepLinking: true, displayRequestDuration: true});
  }

  const load = token => show(token).catch(e => { problem.textContent = "The description of this API cannot be read: " + e.message; });
  ask.addEventListener("submit", e => {
    e.preventDefault();
    load(document.getElementById("token").value.trim());
  });
  load("");
})();
