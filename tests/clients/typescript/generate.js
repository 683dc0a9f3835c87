// Replaces the command line of graphql-codegen for codegen.js, which needs many more packages.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { codegen } from "@graphql-codegen/core";
import { preset } from "@graphql-codegen/client-preset";
import { parse } from "graphql";
import config from "./codegen.js";

async function read(location) {
  const rawSDL = await readFile(location, "utf-8");
  return { location, rawSDL, document: parse(rawSDL) };
}

const schema = (await read(config.schema)).document;
const documents = await Promise.all(config.documents.map(read));
for (const [baseOutputDir, { config: options }] of Object.entries(config.generates)) {
  const output = { baseOutputDir, schema, documents, config: options, presetConfig: {}, plugins: [], pluginMap: {} };
  await mkdir(baseOutputDir, { recursive: true });
  for (const file of await preset.buildGeneratesSection(output)) {
    await writeFile(file.filename, await codegen(file));
  }
}
