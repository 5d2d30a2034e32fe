// Manifests held against the schemas of Kubernetes and of Argo's resources (kubernetes-models, made from their OpenAPI and CRDs):
//   judge.mjs FILE   reads a JSON array of manifests, and tells what an API server would refuse, a line each
//
// The schemas let unknown keys pass, which the server, asked strictly, refuses. A validator reads each key that it knows, so
// that what it never reads of an object that it looks into is a mistake.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const KINDS = {
  "v1/ServiceAccount": ["kubernetes-models", "IoK8sApiCoreV1ServiceAccount"],
  "batch/v1/Job": ["kubernetes-models", "IoK8sApiBatchV1Job"],
  "batch/v1/CronJob": ["kubernetes-models", "IoK8sApiBatchV1CronJob"],
  "rbac.authorization.k8s.io/v1/Role": ["kubernetes-models", "IoK8sApiRbacV1Role"],
  "rbac.authorization.k8s.io/v1/RoleBinding": ["kubernetes-models", "IoK8sApiRbacV1RoleBinding"],
  "argoproj.io/v1alpha1/WorkflowTemplate": ["@kubernetes-models/argo-workflows", "ComGithubArgoprojArgoWorkflowsV4PkgApisWorkflowV1alpha1WorkflowTemplate"],
  "argoproj.io/v1alpha1/AnalysisTemplate": ["@kubernetes-models/argo-rollouts", "ComGithubArgoprojArgoRolloutsPkgApisRolloutsV1alpha1AnalysisTemplate"],
};

/// The value, and in `looks` each object of it with its path and the keys that were read.
function watched(value, path, looks) {
  if (value === null || typeof value !== "object") return value;
  const inside = Array.isArray(value)
    ? value.map((each, place) => watched(each, `${path}[${place}]`, looks))
    : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, watched(each, `${path}.${key}`, looks)]));
  if (Array.isArray(value)) return inside;
  const look = { path, keys: Object.keys(value), read: new Set(), isMap: false };
  looks.push(look);
  return new Proxy(inside, {
    get: (target, key) => (look.read.add(key), target[key]),
    ownKeys: (target) => ((look.isMap = true), Reflect.ownKeys(target)),
  });
}

const STEP = ["@kubernetes-models/argo-workflows", "ComGithubArgoprojArgoWorkflowsV4PkgApisWorkflowV1alpha1WorkflowStep"];
// Argo's schema calls a list of parallel steps an object, and asks for the name of a container that Argo names itself.
const excused = ({ instancePath, keyword, params }) =>
  (keyword === "type" && /\/templates\/\d+\/steps\/\d+$/.test(instancePath)) ||
  (keyword === "required" && /\/templates\/\d+\/container$/.test(instancePath) && params.missingProperty === "name");

const refused = [];

async function judge(value, name, [library, schema]) {
  const { validate } = await import(pathToFileURL(`${process.env.MANIFEST_TOOLS}/node_modules/${library}/_schemas/${schema}.js`));
  const looks = [];
  if (!validate(watched(value, name, looks))) {
    const errors = validate.errors.filter((error) => !excused(error));
    refused.push(...errors.map((error) => `${name}${error.instancePath}: ${error.keyword} ${JSON.stringify(error.params)}`));
  }
  for (const { path, keys, read, isMap } of looks) {
    if (isMap || read.size === 0) continue;
    refused.push(...keys.filter((key) => !read.has(key)).map((key) => `${path} has no ${key}`));
  }
}

for (const [place, manifest] of JSON.parse(readFileSync(process.argv[2], "utf8")).entries()) {
  const kind = `${manifest.apiVersion}/${manifest.kind}`;
  const name = `${place}: ${kind}`;
  if (!KINDS[kind]) {
    refused.push(`${name} is not known here`);
    continue;
  }
  await judge(manifest, name, KINDS[kind]);
  if (manifest.kind !== "WorkflowTemplate") continue;
  for (const step of (manifest.spec.templates ?? []).flatMap((template) => (template.steps ?? []).flat())) {
    await judge(step, `${name} step`, STEP);
  }
}
console.log(refused.join("\n"));
process.exitCode = refused.length > 0 ? 1 : 0;
