// Configuration of graphql-codegen for our schema and the operations of an application.
export default {
  schema: "schema.graphql",
  documents: ["operations.graphql"],
  generates: {
    "./gql/": {
      preset: "client",
      config: {
        strictScalars: true,
        useTypeImports: true,
        emitLegacyCommonJSImports: false,
        scalars: {
          Date: "string",
          DateTime: "string",
          EventTime: "string",
          ID: "string",
          Required: '"all" | number',
        },
      },
    },
  },
};
