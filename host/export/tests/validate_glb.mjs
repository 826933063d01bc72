// Runs the Khronos glTF validator: node validate_glb.mjs MODULE_FOLDER FILE.glb; prints its report as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, file] = process.argv.slice(2);
const validator = createRequire(resolve(modules, "index.js"))("gltf-validator");
const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 0 });
console.log(JSON.stringify(report));
