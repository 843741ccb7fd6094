// A system for tests that people sign in to: oauth2-mock-server behind a page of consent, with refresh tokens that are good once, tokens
// that can be revoked, and the few paths of an API that the tests' adapter asks. It listens on 127.0.0.1 and says where in its first line.
import { pathToFileURL } from "node:url";
import path from "node:path";

const folder = process.argv[2] ?? "build/oauth";
const entry = path.resolve(folder, "node_modules/oauth2-mock-server/dist/index.mjs");
const { OAuth2Server } = await import(pathToFileURL(entry).href);

const endpoints = { authorize: "/agreed", revoke: "/unused" };
const server = new OAuth2Server(undefined, undefined, { endpoints });
await server.issuer.keys.generate("RS256");

const held = { access: new Set(), refresh: new Set() };
const seen = { authorization_code: 0, refresh_token: 0, refused: 0, revoked: 0, asked: 0 };
let lifetime = 3600;

function send(res, status, body, type = "application/json") {
  res.statusCode = status;
  res.setHeader("Content-Type", type);
  res.end(type === "application/json" ? JSON.stringify(body) : body);
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

// The page where somebody agrees, or does not.
server.service.addRoute("GET", "/authorize", (req, res) => {
  const query = new URL(req.url, "http://here").search;
  const back = new URL(req.query.redirect_uri);
  back.searchParams.set("error", "access_denied");
  back.searchParams.set("state", req.query.state);
  const links = `<a id="allow" href="${escaped(`/agreed${query}`)}">Allow</a> <a id="refuse" href="${escaped(back.href)}">Refuse</a>`;
  send(res, 200, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Tradebook</title><h1>Let offhook in?</h1><p>${links}</p></html>`, "text/html");
});

server.service.on("beforeResponse", (response, req) => {
  const { grant_type: grant, refresh_token: refresh } = req.body;
  if (grant === "refresh_token" && !held.refresh.delete(refresh)) {
    seen.refused += 1;
    response.statusCode = 400;
    response.body = { error: "invalid_grant" };
    return;
  }
  seen[grant] += 1;
  held.access.add(response.body.access_token);
  held.refresh.add(response.body.refresh_token);
  response.body.expires_in = lifetime;
});

server.service.addRoute("POST", "/revoke", (req, res) => {
  const { token } = req.body;
  seen.revoked += held.access.delete(token) || held.refresh.delete(token) ? 1 : 0;
  send(res, 200, {});
});

function asked(answer) {
  return (req, res) => {
    seen.asked += 1;
    const token = (req.headers.authorization ?? "").replace("Bearer ", "");
    if (held.access.has(token)) send(res, 200, answer);
    else send(res, 401, { error: "invalid_token" });
  };
}

server.service.addRoute("GET", "/v1/me", asked({ id: "acc_1", name: "Harbour at Tradebook", timezone: "Europe/London" }));
server.service.addRoute("GET", "/v1/customers", asked({ id: "c1", name: "Dana" }));
server.service.addRoute(
  "GET",
  "/v1/choices",
  asked({ staff: [{ id: "s1", label: "Tom" }], pipeline: [{ id: "p1", label: "New work" }] }),
);

// What the test does to the system behind everybody's back, and what it has seen.
server.service.addRoute("GET", "/control", (_req, res) => send(res, 200, { ...seen, held: held.access.size + held.refresh.size }));
server.service.addRoute("POST", "/control", (req, res) => {
  if (req.body.forget === "access" || req.body.forget === "all") held.access.clear();
  if (req.body.forget === "all") held.refresh.clear();
  if (req.body.lifetime !== undefined) lifetime = Number(req.body.lifetime);
  send(res, 200, {});
});

await server.start(0, "127.0.0.1");
console.log(`http://127.0.0.1:${server.address().port}`);
process.stdin.on("end", () => process.exit(0)).resume(); // it ends with whoever started it
