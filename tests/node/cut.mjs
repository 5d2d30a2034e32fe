// Cuts GitHub's OpenAPI descriptions down to the paths that faultgate asks, with all that these refer to, and adds what
// GitHub enforces and does not describe. Prism then starts in seconds and refuses what GitHub would refuse.
//
//     node cut.mjs <folder of @octokit/openapi> <folder to write to>

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const REPOSITORY = "/repos/{owner}/{repo}";
const PATHS = [
  "/statuses/{sha}",
  "/commits/{ref}/statuses",
  "/commits/{commit_sha}/pulls",
  "/pulls/{pull_number}",
  "/issues/{issue_number}/comments",
  "/issues/comments/{comment_id}",
].map((path) => REPOSITORY + path);

// The base path of each, which is put before its paths: Prism does not look at that of a server.
const KINDS = { "api.github.com": "", "ghes-3.19": "/api/v3" };

const METHODS = ["get", "post", "put", "patch", "delete"];
const LONGEST_DESCRIPTION = 140;
const LONGEST_COMMENT = 65536;

const [, , source, target] = process.argv;
mkdirSync(target, { recursive: true });
for (const [kind, base] of Object.entries(KINDS)) {
  const all = JSON.parse(readFileSync(join(source, "generated", `${kind}.json`), "utf8"));
  const paths = Object.fromEntries(PATHS.map((path) => [base + path, strict(path, all.paths[path])]));
  const cut = { openapi: all.openapi, info: all.info, paths, components: {} };
  carry(paths, all, cut.components, new Set());
  writeFileSync(join(target, `${kind}.json`), JSON.stringify(cut));
}

/** What GitHub refuses although its description allows it. */
function strict(path, item) {
  for (const method of METHODS) {
    const schema = item[method]?.requestBody?.content["application/json"].schema;
    if (!schema) continue;
    schema.additionalProperties = false;
    if (path.endsWith("/statuses/{sha}")) schema.properties.description.maxLength = LONGEST_DESCRIPTION;
    if (path.includes("/comments")) schema.properties.body.maxLength = LONGEST_COMMENT;
  }
  return item;
}

/** Copies every component that `part` refers to, directly or not. */
function carry(part, all, components, seen) {
  if (part === null || typeof part !== "object") return;
  if (typeof part.$ref === "string" && !seen.has(part.$ref)) {
    seen.add(part.$ref);
    const [, , section, name] = part.$ref.split("/");
    const component = all.components[section][name];
    components[section] ??= {};
    components[section][name] = component;
    carry(component, all, components, seen);
  }
  for (const value of Object.values(part)) carry(value, all, components, seen);
}
